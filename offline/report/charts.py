"""The charts of a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import BoxStyle, Circle, FancyBboxPatch
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import Affine2D

from bci_app.bundle.spec import Attribution
from bci_app.montage.positions import electrode_positions
from offline.metrics import ConfidenceBin
from offline.report.analysis import Curve, FrontPoint, ProtocolReport, Report, SearchReport, TargetReport
from offline.report.picture import Picture, picture, tooltip
from offline.report.style import ACCENT, BACKGROUND, FAINT, MUTED, SURFACE, TEXT, target_colour

_ROW = 26
_WIDE = 912
_DOTTED = (0, (2, 3))
_STRUCK = MarkerStyle("_", transform=Affine2D().rotate_deg(45))


def overview(report: Report) -> Markup:
    """Draw the balanced accuracy of every target under every protocol, with its interval and the reference."""
    protocols, gap = report.protocols, 14
    n_targets = len(report.record.targets)
    height = 80 + n_targets * len(protocols) * _ROW + (n_targets - 1) * gap
    lowest = min(_lowest(protocol.targets[t]) for t in range(n_targets) for protocol in protocols)
    with picture(_WIDE, height, "Balanced accuracy by target and protocol") as drawn:
        axes = drawn.axes(left=220, right=24, top=28, bottom=44)
        axes.set(xlim=(min(0.4, lowest) - 0.02, 1), ylim=(height - 44, 28), xlabel="balanced accuracy")
        axes.set_yticks([])
        _keys(drawn, 220, interval=True)
        for t in range(n_targets):
            for i, protocol in enumerate(protocols):
                y = 28 + 4 + (t * len(protocols) + i + 0.5) * _ROW + t * gap
                if i == 0:
                    drawn.write(0, y + 4, report.record.targets[t].title, weight="bold", color=TEXT, size=13)
                drawn.write(124, y + 4, protocol.name, color=TEXT, size=13)
                if protocol.leaks:
                    drawn.write(166, y + 4, "leaks", weight="bold", color=ACCENT)
                _overview_row(axes, y, protocol.targets[t], target_colour(t), struck=protocol.leaks)
    return drawn.svg


def _lowest(target: TargetReport) -> float:
    found, reference = target.kinds["found"], target.kinds["reference"]
    return min(found.balanced_accuracy, reference.balanced_accuracy, *(found.interval or ()))


def _overview_row(axes: Axes, y: float, target: TargetReport, colour: str, *, struck: bool) -> None:
    found, reference = target.kinds["found"], target.kinds["reference"].balanced_accuracy
    axes.plot([target.chance] * 2, [y - _ROW / 2, y + _ROW / 2], color=MUTED, linewidth=1, linestyle=_DOTTED)
    if found.interval:
        axes.plot(found.interval, [y, y], color=colour, linewidth=5, alpha=0.28, solid_capstyle="round")
    axes.plot(reference, y, "o", markersize=9, markerfacecolor=BACKGROUND, color=MUTED, markeredgewidth=1.5)
    fill = BACKGROUND if struck else colour
    axes.plot(
        found.balanced_accuracy, y, "o", markersize=11, markerfacecolor=fill, color=colour, markeredgewidth=2,
        clip_on=False,
    )  # fmt: skip
    if struck:
        axes.plot(
            found.balanced_accuracy, y, marker=_STRUCK, markersize=11, color=colour, markeredgewidth=2, clip_on=False
        )


def _keys(drawn: Picture, x: float, *, interval: bool) -> None:
    """Explain the marks of networks, reference and chance above a chart."""
    ring = Line2D([], [], color=MUTED, marker="o", linestyle="", markersize=8, markerfacecolor=BACKGROUND)
    dot = Line2D([], [], color=MUTED, marker="o", linestyle="", markersize=9)
    dash = Line2D([], [], color=MUTED, linewidth=1, linestyle=_DOTTED)
    words = "networks, 95 % interval" if interval else "networks"
    drawn.figure.legend(
        [dot, ring, dash], [words, "reference", "chance"], ncols=3, loc="upper left",
        bbox_to_anchor=(x, 2), bbox_transform=drawn.pixels,
    )  # fmt: skip


def subjects(protocol: ProtocolReport, t: int) -> Markup:
    """Draw every subject's balanced accuracy for one target, best last, beside the reference."""
    target, colour = protocol.targets[t], target_colour(t)
    ordered = sorted((s for s in target.subjects if s.classes > 1), key=lambda s: s.found.balanced_accuracy)
    values = [v for s in ordered for v in (s.found.balanced_accuracy, s.reference, *(s.found.interval or ()))]
    with picture(_WIDE, 248, f"{target.target} of every subject under protocol {protocol.name}") as drawn:
        axes = drawn.axes(bottom=52, top=28)
        axes.set(xlim=(-0.7, len(ordered) - 0.3), ylim=(max(0.0, min(0.4, *values) - 0.05), 1))
        axes.set_xlabel("subject, in order of the networks’ scores", labelpad=8)
        axes.set_xticks(range(len(ordered)), [s.subject.removeprefix("Subject") for s in ordered])
        axes.grid(visible=False, axis="x")
        drawn.write(0, 13, "balanced accuracy", size=12)
        _keys(drawn, 168, interval=any(s.found.interval for s in ordered))
        axes.axhline(target.chance, color=MUTED, linewidth=1, linestyle=_DOTTED)
        for i, subject in enumerate(ordered):
            found = subject.found
            words = tooltip(f"{subject.subject}: {found.balanced_accuracy:.3f}, reference {subject.reference:.3f}")
            if found.interval:
                axes.plot([i, i], found.interval, color=colour, linewidth=4, alpha=0.28)
            axes.plot(
                i, subject.reference, "o", markersize=7, markerfacecolor=BACKGROUND, color=MUTED, markeredgewidth=1.5,
                gid=words,
            )  # fmt: skip
            axes.plot(i, found.balanced_accuracy, "o", markersize=9, color=colour, markeredgewidth=0, gid=words,
                      clip_on=False)  # fmt: skip
    return drawn.svg


def confusion(target: TargetReport, colour: str) -> Markup:
    """Draw the confusion matrix: shares of each true class, with the numbers of windows."""
    n, cell = len(target.classes), 72 if len(target.classes) < 4 else 56
    left, top = 12 + 6.4 * max(4, *(len(name) for name in target.classes)), 40
    with picture(left + n * cell + 4, top + n * cell + 4, f"Confusion matrix of {target.target}") as drawn:
        axes = drawn.axes(left=left, right=4, top=top, bottom=4)
        axes.set(xlim=(0, n), ylim=(n, 0))
        axes.xaxis.tick_top()
        axes.grid(visible=False)
        places = [i + 0.5 for i in range(n)]
        axes.set_xticks(places, target.classes)
        axes.set_yticks(places, target.classes)
        drawn.write(left + n * cell / 2, 12, "predicted", ha="center", size=12)
        drawn.write(0, top - 10, "true", size=12)
        for i, row in enumerate(target.confusion):
            for j, count in enumerate(row):
                share = count / max(1, sum(row))
                for fill, alpha in ((SURFACE, 1.0), (colour, 0.92 * share)):
                    box = BoxStyle("round", pad=0, rounding_size=3 / cell)
                    square = (j + 1 / cell, i + 1 / cell), 1 - 2 / cell, 1 - 2 / cell
                    axes.add_patch(FancyBboxPatch(*square, boxstyle=box, facecolor=fill, alpha=alpha, linewidth=0))
                ink = "#ffffff" if share > 0.55 else TEXT
                middle: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
                axes.text(j + 0.5, i + 0.46, f"{100 * share:.0f} %", weight="bold", size=13, **middle)
                axes.text(j + 0.5, i + 0.7, str(count), **middle)
    return drawn.svg


def reliability(bins: Sequence[ConfidenceBin], classes: int, colour: str) -> Markup:
    """Draw how often the predicted class is right, by how sure the network is."""
    least = 1 / classes
    lowest = min(least, *(b.accuracy for b in bins))
    with picture(240, 200, "Reliability diagram") as drawn:
        axes = drawn.axes(left=40, top=40, bottom=40, right=12)
        axes.set(xlim=(least, 1), ylim=(lowest, 1), xlabel="confidence")
        axes.xaxis.set_major_locator(FixedLocator([v for v in (0.4, 0.6, 0.8, 1.0) if v >= least]))
        drawn.write(0, 30, "accuracy", size=12)
        axes.plot([least, 1], [least, 1], color=MUTED, linewidth=1, linestyle=_DOTTED)
        axes.plot([b.confidence for b in bins], [b.accuracy for b in bins], color=colour, linewidth=1.5)
        for b in bins:
            axes.plot(
                b.confidence, b.accuracy, "o", markersize=4 + 10 * b.share**0.5, color=colour, markeredgewidth=0,
                clip_on=False, gid=tooltip(f"{100 * b.share:.0f} % of windows"),
            )  # fmt: skip
    return drawn.svg


def curves(items: Sequence[Curve], width: float = 436) -> Markup:
    """Draw training and validation loss by epoch, one thin line for each supernet."""
    losses = [loss for curve in items for loss in (*curve.train, *curve.validation)]
    low, high = min(losses), max(losses)
    pad = 0.05 * (high - low or 1)
    opacity = 1.0 if len(items) == 1 else max(0.25, min(0.8, 6 / len(items)))
    with picture(width, 220, "Learning curves") as drawn:
        axes = drawn.axes(top=36)
        most = max(2, *(len(curve.train) for curve in items))
        axes.set(xlim=(1, most), ylim=(max(0.0, low - pad), high + pad), xlabel="epoch")
        axes.xaxis.set_major_locator(_whole(1, most))
        drawn.write(0, 26, "cross entropy", size=12)
        for curve in items:
            for epochs, colour, thick in ((curve.train, FAINT, 1.0), (curve.validation, ACCENT, 1.25)):
                mark = "o" if len(epochs) == 1 else None  # a line of one point cannot be seen
                axes.plot(range(1, len(epochs) + 1), epochs, color=colour, linewidth=thick, alpha=opacity, marker=mark,
                          clip_on=False)  # fmt: skip
        keys = [Line2D([], [], color=colour, linewidth=2) for colour in (FAINT, ACCENT)]
        axes.legend(keys, ["training", "validation"], ncols=2, loc="lower right", bbox_to_anchor=(1, 1.02))
    return drawn.svg


def _whole(low: int, high: int) -> FixedLocator:
    step = max(1, round((high - low) / 5))
    return FixedLocator(range(low, high + 1, step))


def pareto(search: SearchReport, unit: float = 1e6) -> Markup:
    """Draw error against size of every subnet evaluated, how the front moved, and the subnet that was chosen."""
    everything, chosen = search.candidates, search.network
    sizes, errors = [c.parameters / unit for c in everything], [c.validation_error for c in everything]
    span, rise = max(sizes) - min(sizes) or 0.1, max(errors) - min(errors) or 0.1
    with picture(448, 284, "Pareto front of validation error and size, by generation") as drawn:
        axes = drawn.axes(top=60)
        axes.set(
            xlim=(max(0.0, min(sizes) - 0.05 * span), max(sizes) + 0.05 * span),
            ylim=(max(0.0, min(errors) - 0.08 * rise), max(errors) + 0.05 * rise),
            xlabel="million parameters",
        )
        drawn.write(0, 14, "validation error (1 − balanced accuracy)", size=12)
        off = [(c.parameters / unit, c.validation_error) for c in everything if not c.on_front]
        axes.plot(
            [x for x, _ in off], [y for _, y in off], "o", color=FAINT, alpha=0.5, markersize=4.4, markeredgewidth=0
        )
        shown = _few_fronts(len(search.fronts))
        for generation, (colour, dash) in shown.items():
            xs, ys = _stairs(search.fronts[generation], axes, unit)
            wide = 1.75 if colour == ACCENT else 1.25
            axes.plot(xs, ys, color=colour, linestyle=dash, linewidth=wide, label=str(generation + 1))
        drawn.write(48, 38, "front after generation")
        axes.legend(ncols=len(shown), loc="center left", bbox_to_anchor=(188, 34), bbox_transform=drawn.pixels)
        for point in search.fronts[-1]:
            axes.plot(
                point.parameters / unit, point.validation_error, "o", color=ACCENT, markersize=6.4, markeredgewidth=0,
                gid=tooltip(f"{point.parameters} parameters, error {point.validation_error:.3f}"),
            )  # fmt: skip
        at = chosen.parameters / unit, 1 - chosen.validation_balanced_accuracy
        axes.plot(*at, "o", markersize=15, markerfacecolor="none", color=TEXT, markeredgewidth=1.5, clip_on=False)
        right = axes.transData.transform(at)[0] > 330
        axes.annotate(
            "chosen", at, (-12 if right else 12, 8), textcoords="offset points", ha="right" if right else "left",
            weight="bold", color=TEXT, size=13,
        )  # fmt: skip
    return drawn.svg


def _few_fronts(generations: int) -> dict[int, tuple[str, object]]:
    """Choose the generations whose fronts are drawn, with colour and dashes: the first, two between, the last."""
    last = generations - 1
    styles = ((FAINT, _DOTTED), (FAINT, (0, (6, 3))), (MUTED, "-"), (ACCENT, "-"))
    places = (0, round(last / 3), round(2 * last / 3), last)
    return dict(zip(places, styles, strict=True))


def _stairs(front: Sequence[FrontPoint], axes: Axes, unit: float) -> tuple[list[float], list[float]]:
    """Return the line under which no subnet lies: down at each one that beats all that are smaller."""
    best: list[FrontPoint] = []
    for point in front:
        if not best or point.validation_error < best[-1].validation_error:
            best.append(point)
    xs, ys = [best[0].parameters / unit], [axes.get_ylim()[1]]
    ends = [point.parameters / unit for point in best[1:]] + [axes.get_xlim()[1]]
    for point, right in zip(best, ends, strict=True):
        xs += [point.parameters / unit, right]
        ys += [point.validation_error, point.validation_error]
    return xs, ys


def hypervolume(volumes: Sequence[float]) -> Markup:
    """Draw the hypervolume of the front by generation."""
    low, high = min(volumes), max(volumes)
    pad = 0.1 * (high - low) or 0.01 * high or 0.01
    with picture(448, 284, "Hypervolume by generation") as drawn:
        axes = drawn.axes(left=64, top=60)
        most = max(2, len(volumes))
        axes.set(xlim=(1, most), ylim=(low - pad, high + pad), xlabel="generation")
        axes.xaxis.set_major_locator(_whole(1, most))
        drawn.write(0, 50, "hypervolume of the front", size=12)
        axes.plot(range(1, len(volumes) + 1), volumes, "o-", color=ACCENT, linewidth=1.5, markersize=5, clip_on=False)
    return drawn.svg


def methods(target: TargetReport, colour: str) -> Markup:
    """Draw the balanced accuracy of every method with its interval, the best at the top."""
    ordered = sorted(target.methods, key=lambda method: -method.score.balanced_accuracy)
    height, row = 60 + len(ordered) * 22, 22
    values = [v for each in ordered for v in (each.score.balanced_accuracy, *(each.score.interval or ()))]
    with picture(_WIDE, height, f"Balanced accuracy of every method for {target.target}") as drawn:
        axes = drawn.axes(left=340, right=24, top=8, bottom=44)
        axes.set(xlim=(min(0.4, *values) - 0.02, 1), ylim=(height - 44, 8), xlabel="balanced accuracy")
        axes.set_yticks([])
        axes.axvline(target.chance, color=MUTED, linewidth=1, linestyle=_DOTTED)
        for place, method in enumerate(ordered):
            y, found = 8 + 4 + (place + 0.5) * row, method.kind == "found"
            ink = colour if found else MUTED
            drawn.write(0, y + 4, method.title, color=TEXT, size=13, weight="bold" if found else "normal")
            if method.score.interval:
                axes.plot(method.score.interval, [y, y], color=ink, linewidth=5, alpha=0.28, solid_capstyle="round")
            axes.plot(
                method.score.balanced_accuracy, y, "o", markersize=10, color=ink, markeredgewidth=0, clip_on=False,
                gid=tooltip(f"{method.title}: {method.score.balanced_accuracy:.3f}"),
            )  # fmt: skip
    return drawn.svg


def attribution(measured: Attribution) -> Markup:
    """Draw what each electrode is worth on the head, seen from above, and what each band is worth beside it."""
    largest = max(0.01, *(abs(each.loss) for each in measured.channels))
    with picture(720, 300, f"What {measured.title} is read from") as drawn:
        head = drawn.axes(left=8, right=432, top=8, bottom=12)
        head.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), xticks=[], yticks=[])
        head.set_aspect("equal")
        head.add_patch(Circle((0, 0), 1, fill=False, edgecolor=FAINT, linewidth=1.5))
        head.plot([-0.12, 0, 0.12], [0.99, 1.13, 0.99], color=FAINT, linewidth=1.5)
        places = electrode_positions([channel.name for channel in measured.channels])
        for channel, place in zip(measured.channels, places, strict=True):
            if place is None:
                continue
            x, y = _from_above(place)
            head.scatter(x, y, s=340, c=[channel.loss], cmap="PuOr_r", vmin=-largest, vmax=largest, edgecolors=FAINT,
                         linewidths=0.75, gid=tooltip(f"{channel.name}: {channel.loss:+.3f}"))  # fmt: skip
            strong = abs(channel.loss) > 0.6 * largest
            head.text(x, y, channel.name, ha="center", va="center", size=9, color="white" if strong else "black")
        if measured.bands:
            bars = drawn.axes(left=400, right=24, top=24, bottom=44)
            values = [band.loss for band in measured.bands]
            longest = max(0.01, *(abs(value) for value in values))
            bars.barh(range(len(values)), values, color=MUTED, height=0.7)
            bars.set_yticks(range(len(values)), [band.name for band in measured.bands])
            bars.set(xlabel="balanced accuracy lost", xlim=(min(0.0, *values) - 0.1 * longest, longest * 1.1))
            bars.grid(visible=False, axis="y")
    return drawn.svg


def _from_above(place: tuple[float, float, float]) -> tuple[float, float]:
    """Project a place on the unit sphere so that distances from the top are kept; the ears' height is the circle."""
    x, y, z = place
    across = math.hypot(x, y) or 1.0
    far = math.acos(max(-1.0, min(1.0, z))) / (math.pi / 2)
    return x / across * far, y / across * far
