"""The pictures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from offline.metrics import ConfidenceBin
from offline.report.analysis import Curve, FrontPoint, ProtocolReport, Report, SearchReport, TargetReport
from offline.report.svg import (
    ACCENT,
    BACKGROUND,
    FAINT,
    LINE,
    MUTED,
    SURFACE,
    TARGETS,
    TEXT,
    Plot,
    number,
    picture,
    tag,
    text,
)
from offline.run.record import NetworkRecord

_ROW = 26
_WIDE = 912
_LOOKED_AT = "#c3c8ce"


def overview(report: Report) -> str:
    """Draw the balanced accuracy of every target under every protocol, with its interval and the reference."""
    rows = [(t, protocol) for t in range(len(report.record.targets)) for protocol in report.protocols]
    gap = 14
    height = 52 + len(rows) * _ROW + (len(report.record.targets) - 1) * gap + 28
    low = min(0.4, *(_lowest(p.targets[t]) for t, p in rows))
    plot = Plot(_WIDE, height, (low - 0.02, 1.0), (0, 1), left=220, right=24, top=28, bottom=44)
    plot.x_axis("balanced accuracy")
    _keys(plot, plot.left, ("found subnets, 95 % interval", "reference", "chance"))
    y = plot.top + _ROW / 2 + 4
    previous = 0
    for t, protocol in rows:
        if t != previous:
            y, previous = y + gap, t
        _overview_row(plot, y, report, t, protocol)
        y += _ROW
    return plot.render("Balanced accuracy by target and protocol")


def _lowest(target: TargetReport) -> float:
    found, reference = target.kinds["found"], target.kinds["reference"]
    return min(found.balanced_accuracy, reference.balanced_accuracy, *(found.interval or ()))


def _overview_row(plot: Plot, y: float, report: Report, t: int, protocol: ProtocolReport) -> None:
    target = protocol.targets[t]
    colour, found = TARGETS[t % len(TARGETS)], target.kinds["found"]
    if protocol is report.protocols[0]:
        plot.add(text(0, y + 4, report.record.targets[t].title, kind="strong"))
    plot.add(text(124, y + 4, protocol.name, kind="label"))
    if protocol.leaks:
        plot.add(text(166, y + 4, "leaks", kind="warning"))
    chance = plot.px(target.chance)
    plot.add(tag("line", x1=chance, x2=chance, y1=y - _ROW / 2, y2=y + _ROW / 2, stroke=MUTED, stroke_dasharray="2 3"))
    if found.interval:
        low, high = (plot.px(value) for value in found.interval)
        plot.add(
            tag(
                "line", x1=low, x2=high, y1=y, y2=y, stroke=colour, stroke_width=5, opacity=0.28, stroke_linecap="round"
            )
        )
    reference = plot.px(target.kinds["reference"].balanced_accuracy)
    plot.add(tag("circle", cx=reference, cy=y, r=4.5, fill=BACKGROUND, stroke=MUTED, stroke_width=1.5))
    at = plot.px(found.balanced_accuracy)
    fill = BACKGROUND if protocol.leaks else colour
    plot.add(tag("circle", cx=at, cy=y, r=5.5, fill=fill, stroke=colour, stroke_width=2))
    if protocol.leaks:
        plot.add(tag("line", x1=at - 3.9, x2=at + 3.9, y1=y + 3.9, y2=y - 3.9, stroke=colour, stroke_width=2))


def _keys(plot: Plot, x: float, words: Sequence[str]) -> None:
    """Tell the marks of found subnets, reference and chance apart, in this order."""
    for mark, label in zip(("dot", "ring", "dash"), words, strict=True):
        if mark == "dash":
            plot.add(tag("line", x1=x + 4, x2=x + 4, y1=2, y2=16, stroke=MUTED, stroke_dasharray="2 3"))
        else:
            fill = BACKGROUND if mark == "ring" else MUTED
            plot.add(tag("circle", cx=x + 4, cy=9, r=4.5, fill=fill, stroke=MUTED, stroke_width=1.5))
        plot.add(text(x + 14, 13, label, kind="tick"))
        x += 34 + 6.2 * len(label)


def subjects(protocol: ProtocolReport, t: int) -> str:
    """Balanced accuracy of every subject for one target, best last, beside the reference."""
    target = protocol.targets[t]
    told = (s for s in target.subjects if s.classes > 1)
    ordered = sorted(told, key=lambda s: s.found.balanced_accuracy)
    values = [v for s in ordered for v in (s.found.balanced_accuracy, s.reference, *(s.found.interval or ()))]
    low = max(0.0, min(0.4, *values) - 0.05)
    plot = Plot(_WIDE, 248, (-0.7, len(ordered) - 0.3), (low, 1.0), bottom=52, top=28)
    plot.y_axis("balanced accuracy", at=13)
    interval = ", 95 % interval" if any(s.found.interval for s in ordered) else ""
    _keys(plot, plot.left + 120, (f"found subnets{interval}", "reference", "chance"))
    colour = TARGETS[t % len(TARGETS)]
    plot.line(((plot.x[0], target.chance), (plot.x[1], target.chance)), stroke=MUTED, dash="2 3")
    for i, subject in enumerate(ordered):
        found = subject.found
        if found.interval:
            plot.line(((i, found.interval[0]), (i, found.interval[1])), stroke=colour, width=4, opacity=0.28)
        title = f"{subject.subject}: {found.balanced_accuracy:.3f}, reference {subject.reference:.3f}"
        plot.dot(i, subject.reference, fill=BACKGROUND, stroke=MUTED, radius=3.5, title=title)
        plot.dot(i, found.balanced_accuracy, fill=colour, radius=4.5, title=title)
        name = subject.subject.removeprefix("Subject")
        plot.add(text(plot.px(i), plot.height - plot.bottom + 18, name, anchor="middle", kind="tick"))
    plot.add(
        text(plot.width / 2, plot.height - 12, "subject, in order of the found subnets", anchor="middle", kind="axis")
    )
    return plot.render(f"{target.target} of every subject under protocol {protocol.name}")


def confusion(target: TargetReport, colour: str) -> str:
    """Confusion matrix: shares of each true class, with the numbers of windows."""
    n, cell = len(target.classes), 72.0 if len(target.classes) < 4 else 56.0
    left, top = 12.0 + 6.4 * max(4, *(len(name) for name in target.classes)), 40.0
    parts = [
        text(left + n * cell / 2, 12, "predicted", anchor="middle", kind="axis"),
        text(0, top - 10, "true", kind="axis"),
    ]
    for i, row in enumerate(target.confusion):
        parts.append(text(left - 8, top + (i + 0.5) * cell + 4, target.classes[i], anchor="end", kind="tick"))
        parts.append(text(left + (i + 0.5) * cell, top - 8, target.classes[i], anchor="middle", kind="tick"))
        for j, count in enumerate(row):
            share = count / max(1, sum(row))
            x, y = left + j * cell, top + i * cell
            square = number(x + 1), number(y + 1), number(cell - 2)
            parts.append(_square(*square, fill=SURFACE, opacity=1.0))
            parts.append(_square(*square, fill=colour, opacity=round(0.92 * share, 3)))
            fill = "#ffffff" if share > 0.55 else TEXT
            words = f"{100 * share:.0f} %"
            parts.append(text(x + cell / 2, y + cell / 2, words, anchor="middle", kind="strong", fill=fill))
            parts.append(text(x + cell / 2, y + cell / 2 + 17, str(count), anchor="middle", kind="tick", fill=fill))
    return picture(left + n * cell + 4, top + n * cell + 4, parts, f"Confusion matrix of {target.target}")


def _square(x: str, y: str, side: str, *, fill: str, opacity: float) -> str:
    return tag("rect", x=x, y=y, width=side, height=side, rx=3, fill=fill, opacity=opacity)


def reliability(bins: Sequence[ConfidenceBin], classes: int, colour: str) -> str:
    """How often the predicted class is right, by how sure the network is."""
    least = 1 / classes
    plot = Plot(
        240, 200, (least, 1.0), (min(least, *(b.accuracy for b in bins)), 1.0), left=40, top=40, bottom=40, right=12
    )
    plot.x_axis("confidence", values=[v for v in (0.4, 0.6, 0.8, 1.0) if v >= least])
    plot.y_axis("accuracy")
    plot.line(((max(least, plot.y[0]), max(least, plot.y[0])), (1, 1)), stroke=MUTED, dash="2 3")
    plot.line([(b.confidence, b.accuracy) for b in bins], stroke=colour, width=1.5)
    for b in bins:
        title = f"{100 * b.share:.0f} % of windows"
        plot.dot(b.confidence, b.accuracy, fill=colour, radius=2 + 5 * b.share**0.5, title=title)
    return plot.render("Reliability diagram")


def curves(items: Sequence[Curve], width: float = 436) -> str:
    """Training and validation loss by epoch, one thin line for each supernet."""
    losses = [loss for curve in items for loss in (*curve.train, *curve.validation)]
    low, high = min(losses), max(losses)
    most = max(len(curve.train) for curve in items)
    pad = 0.05 * (high - low or 1)
    plot = Plot(width, 220, (1, max(2, most)), (max(0.0, low - pad), high + pad), top=36)
    plot.x_axis("epoch", values=_whole(1, max(2, most)))
    plot.y_axis("cross entropy")
    opacity = 1.0 if len(items) == 1 else max(0.25, min(0.8, 6 / len(items)))
    for curve in items:
        for epochs, stroke, thick in ((curve.train, FAINT, 1.0), (curve.validation, ACCENT, 1.25)):
            plot.line(list(enumerate(epochs, 1)), stroke=stroke, width=thick, opacity=opacity)
            if len(epochs) == 1:  # a line of one point cannot be seen
                plot.dot(1, epochs[0], fill=stroke)
    for x, words, colour in ((width - 148, "training", FAINT), (width - 80, "validation", ACCENT)):
        plot.add(tag("line", x1=x, x2=x + 14, y1=22, y2=22, stroke=colour, stroke_width=2))
        plot.add(text(x + 19, 26, words, kind="tick"))
    return plot.render("Learning curves")


def _whole(low: int, high: int) -> list[float]:
    step = max(1, round((high - low) / 5))
    return [float(v) for v in range(low, high + 1, step)]


def pareto(search: SearchReport, unit: float = 1e6) -> str:
    """Draw error against size of every subnet looked at, how the front moved, and the subnet that was chosen."""
    everything = search.candidates
    sizes, errors = [c.parameters / unit for c in everything], [c.validation_error for c in everything]
    span = max(sizes) - min(sizes) or 0.1
    rise = max(errors) - min(errors) or 0.1
    x = max(0.0, min(sizes) - 0.05 * span), max(sizes) + 0.05 * span
    plot = Plot(448, 284, x, (max(0.0, min(errors) - 0.08 * rise), max(errors) + 0.05 * rise), top=60)
    plot.x_axis("million parameters")
    plot.y_axis("validation error (1 − balanced accuracy)", at=14)
    for candidate in everything:
        if not candidate.on_front:
            plot.dot(candidate.parameters / unit, candidate.validation_error, fill=_LOOKED_AT, radius=2.2)
    shown = _few_fronts(len(search.fronts))
    for generation, (stroke, dash) in shown.items():
        width = 1.75 if stroke == ACCENT else 1.25
        plot.line(_stairs(search.fronts[generation], plot, unit), stroke=stroke, width=width, dash=dash)
    _front_keys(plot, shown)
    for point in search.fronts[-1]:
        title = f"{point.parameters} parameters, error {point.validation_error:.3f}"
        plot.dot(point.parameters / unit, point.validation_error, fill=ACCENT, radius=3.2, title=title)
    chosen = search.network
    at = plot.px(chosen.parameters / unit), plot.py(1 - chosen.validation_balanced_accuracy)
    plot.add(tag("circle", cx=at[0], cy=at[1], r=7.5, fill="none", stroke=TEXT, stroke_width=1.5))
    right = at[0] > 330
    plot.add(
        text(at[0] + (-12 if right else 12), at[1] - 8, "chosen", anchor="end" if right else "start", kind="outlined")
    )
    return plot.render("Pareto front of validation error and size, by generation")


def _few_fronts(generations: int) -> dict[int, tuple[str, str | None]]:
    """Choose the generations whose fronts are drawn, with colour and dashes: the first, two between, the last."""
    last = generations - 1
    styles = ((FAINT, "2 3"), (FAINT, "6 3"), (MUTED, None), (ACCENT, None))
    places = (0, round(last / 3), round(2 * last / 3), last)
    return dict(zip(places, styles, strict=True))


def _stairs(front: Sequence[FrontPoint], plot: Plot, unit: float) -> list[tuple[float, float]]:
    """Give the line under which no subnet lies: down at each one that beats all that are smaller."""
    steps: list[tuple[float, float]] = []
    for point in front:
        here = point.parameters / unit, point.validation_error
        if not steps or here[1] < steps[-1][1]:
            steps += [(here[0], steps[-1][1] if steps else plot.y[1]), here]
    return [*steps, (plot.x[1], steps[-1][1])]


def _front_keys(plot: Plot, shown: Mapping[int, tuple[str, str | None]]) -> None:
    plot.add(text(plot.left, 38, "front after generation", kind="tick"))
    x = plot.left + 140
    for generation, (stroke, dash) in shown.items():
        plot.add(tag("line", x1=x, x2=x + 22, y1=34, y2=34, stroke=stroke, stroke_width=1.75, stroke_dasharray=dash))
        plot.add(text(x + 28, 38, str(generation + 1), kind="tick"))
        x += 60


def hypervolume(volumes: Sequence[float]) -> str:
    """Hypervolume of the front by generation."""
    low, high = min(volumes), max(volumes)
    pad = 0.1 * (high - low) or 0.01 * high or 0.01
    plot = Plot(448, 284, (1, max(2, len(volumes))), (low - pad, high + pad), left=64, top=60)
    plot.x_axis("generation", values=_whole(1, max(2, len(volumes))))
    plot.y_axis("hypervolume of the front")
    points = [(i, value) for i, value in enumerate(volumes, 1)]
    plot.line(points, stroke=ACCENT, width=1.5)
    for x, y in points:
        plot.dot(x, y, fill=ACCENT, radius=2.5)
    return plot.render("Hypervolume by generation")


def architecture(network: NetworkRecord, *, channels: int, features: int, names: Sequence[tuple[str, str]]) -> str:
    """Draw a subnet block by block.

    Parameters
    ----------
    network : NetworkRecord
        The found subnet.
    channels, features : int
        Shape of its input.
    names : sequence of (title, colour)
        Its targets.
    """
    blocks = len(network.heads)
    per_row = 6
    rows = -(-blocks // per_row)
    box, gap, top, tall = 104.0, 16.0, 8.0, 188.0
    left = 124.0
    parts: list[str] = []
    for i, (heads, ratio) in enumerate(zip(network.heads, network.mlp_ratios, strict=True)):
        row, column = divmod(i, per_row)
        x, y = left + column * (box + gap), top + row * (tall + 24)
        parts.append(_block(x, y, box, tall, i + 1, heads, ratio, network.embed_dim, max(network.mlp_ratios)))
        if column or row:
            parts.append(_arrow(x - gap, y + tall / 2, gap))
    parts.append(
        _end(
            0,
            top,
            100,
            tall,
            (
                "input",
                f"{channels} channels",
                f"× {features}",
                "",
                "linear",
                f"→ {network.embed_dim}",
                "+ position",
                "+ class token",
            ),
        )
    )
    parts.append(_arrow(100, top + tall / 2, left - 100))
    last_row, last_column = divmod(blocks - 1, per_row)
    x = left + last_column * (box + gap) + box
    y = top + last_row * (tall + 24)
    parts.append(_arrow(x, y + tall / 2, gap))
    x += gap
    parts.append(_end(x, y, 100, tall, ("output", "layer norm", "of class token", "linear")))
    for i, (title, colour) in enumerate(names):
        parts.append(tag("circle", cx=x + 14, cy=y + 108 + 20 * i, r=4.5, fill=colour))
        parts.append(text(x + 24, y + 112 + 20 * i, title, kind="tick"))
    width = max(x + 100, left + min(blocks, per_row) * (box + gap) + 116) + 4
    return picture(width, top + rows * (tall + 24), parts, "Architecture of the found subnet")


def _end(x: float, y: float, width: float, height: float, lines: Sequence[str]) -> str:
    parts = [tag("rect", x=x, y=y, width=width, height=height, rx=4, fill=SURFACE)]
    parts.append(text(x + 10, y + 22, lines[0], kind="strong"))
    parts += [text(x + 10, y + 44 + 18 * i, line, kind="tick") for i, line in enumerate(lines[1:])]
    return "".join(parts)


def _arrow(x: float, y: float, length: float) -> str:
    tip = x + length - 2
    head = f"{number(tip)},{number(y)} {number(tip - 5)},{number(y - 3.5)} {number(tip - 5)},{number(y + 3.5)}"
    return tag("line", x1=x + 2, x2=tip - 3, y1=y, y2=y, stroke=FAINT) + tag("polygon", points=head, fill=FAINT)


def _block(
    x: float, y: float, width: float, height: float, place: int, heads: int, ratio: float, dim: int, widest: float
) -> str:
    """Draw one block: its attention heads side by side, its MLP as wide as its hidden layer is to the widest."""
    inner = width - 20
    parts = [
        tag("rect", x=x, y=y, width=width, height=height, rx=4, fill=BACKGROUND, stroke=LINE, stroke_width=1.5),
        text(x + 10, y + 22, f"block {place}", kind="strong"),
        text(x + 10, y + 44, "attention", kind="tick"),
    ]
    each = inner / heads
    parts += [
        tag("rect", x=x + 10 + i * each + 0.75, y=y + 52, width=each - 1.5, height=26, rx=2, fill=ACCENT, opacity=0.75)
        for i in range(heads)
    ]
    parts.append(text(x + 10, y + 95, f"{heads} heads of {dim // heads}", kind="tick"))
    parts.append(text(x + 10, y + 124, "MLP", kind="tick"))
    hidden = inner * ratio / widest
    parts.append(tag("rect", x=x + 10 + (inner - hidden) / 2, y=y + 132, width=hidden, height=20, rx=2, fill="#aab1b9"))
    parts.append(text(x + 10, y + 170, f"{dim} → {round(dim * ratio)}", kind="tick"))
    return "".join(parts)
