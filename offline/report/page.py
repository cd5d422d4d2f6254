"""The report as one page of HTML that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from bci_app.bundle.spec import TargetScore
from offline.report import charts
from offline.report.analysis import ProtocolReport, Report, TargetReport
from offline.report.style import STYLE
from offline.report.svg import TARGETS
from offline.report.words import HYPERVOLUME
from offline.run.bad_channels import LARGEST_LOSS
from offline.run.scores import CALIBRATION, HOW_SCORED, SHIPPED_CALIBRATION

_KINDS = {
    "found": "found subnets",
    "int8": "with 8-bit weights",
    "inherited": "before fine-tuning",
    "supernet": "largest subnet",
    "reference": "reference",
}
_REPLACED = {"interpolate": "interpolation", "rest": "their rest"}
_INTERVAL = "95 % interval"
_REFERENCE = "reference, balanced accuracy"
_COLUMNS = (
    "balanced accuracy", _INTERVAL, "rolling 10&nbsp;s", "accuracy", "macro-F1", "majority baseline",
    "calibration error",
)  # fmt: skip


def render(report: Report) -> str:
    """Write a report as HTML."""
    sections = [
        _result(report),
        _literature(report),
        _subjects(report),
        _details(report),
        _search(report),
        _costs(report),
        _curves(report),
        _exclusions(report),
        _method(report),
    ]
    title = f"{report.record.dataset.title}: preset {report.record.settings.preset.name}"
    body = _header(report, title) + "".join(sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _header(report: Report, title: str) -> str:
    record = report.record
    counts = (
        f"{len(record.subjects)} {'subjects' if len(record.subjects) != 1 else 'subject'} · {record.trials} trials · "
        f"{record.windows} windows · {record.created}"
    )
    notes = ""
    if record.dataset.synthetic:
        notes = _note("Synthetic signals. The figures tell how the software behaves and nothing about people.")
    if record.caution:
        notes += _note(record.caution)
    return f"<header><h1>{escape(title)}</h1><p class='muted'>{counts}</p>{notes}</header>\n"


def _note(words: str) -> str:
    return f"<p class='note'>{escape(words)}</p>"


def _warning(protocol: ProtocolReport) -> str:
    return f"<p class='note leak'>{escape(protocol.warning)}</p>" if protocol.warning else ""


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{''.join(parts)}</section>\n"


def _figure(picture: str, caption: str = "") -> str:
    words = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{picture}{words}</figure>\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """Write a table of cells that are HTML already; all but the first `words` columns hold numbers."""
    cells = "".join(f"<th{' class=n' if i >= words else ''}>{name}</th>" for i, name in enumerate(head))
    lines = []
    for row in rows:
        line = "".join(f"<td{' class=n' if i >= words else ''}>{cell}</td>" for i, cell in enumerate(row))
        lines.append(f"<tr>{line}</tr>")
    return f"<div class='wide'><table><thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>\n"


def _without(cells: Sequence[str], place: int) -> list[str]:
    return [*cells[:place], *cells[place + 1 :]]


def _name(report: Report, t: int) -> str:
    dot = f"<span class='dot' style='background:{TARGETS[t % len(TARGETS)]}'></span>"
    return f"<span class='name'>{dot}{escape(report.record.targets[t].title)}</span>"


def _protocol_name(protocol: ProtocolReport) -> str:
    leaks = " <span class='leaks'>leaks</span>" if protocol.leaks else ""
    return f"<span class='name'>{escape(protocol.name)}{leaks}</span>"


def _cells(score: TargetScore, *, balanced: bool = True) -> list[str]:
    """Write the figures of `_COLUMNS`; without the balanced ones where there is one class only."""
    interval = "–" if score.interval is None else f"{score.interval[0]:.3f}–{score.interval[1]:.3f}"
    return [
        f"<b>{score.balanced_accuracy:.3f}</b>" if balanced else "–",
        interval,
        _number(score.rolling_balanced_accuracy if balanced else None),
        _number(score.accuracy),
        _number(score.macro_f1 if balanced else None),
        _number(score.majority_baseline),
        _number(score.expected_calibration_error),
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _result(report: Report) -> str:
    """Show what was reached, all protocols side by side."""
    rows = [
        [
            _name(report, t) if i == 0 else "",
            _protocol_name(protocol),
            *_cells(protocol.targets[t].kinds["found"]),
            _number(protocol.targets[t].kinds["reference"].balanced_accuracy),
        ]
        for t in range(len(report.record.targets))
        for i, protocol in enumerate(report.protocols)
    ]
    struck = any(protocol.leaks for protocol in report.protocols)
    caption = (
        f"Reference: {report.record.reference_method}, fitted and scored on the same windows and splits."
        + " A struck-through dot is that of a protocol that leaks." * struck
    )
    return _section(
        "Result",
        *(_warning(protocol) for protocol in report.protocols),
        _figure(charts.overview(report), caption),
        _table(("target", "protocol", *_COLUMNS, _REFERENCE), rows, words=2),
        *_how_scored(report.protocols),
    )


def _how_scored(protocols: Sequence[ProtocolReport]) -> list[str]:
    """Say how the figures of each kind of protocol come from windows."""
    lines = []
    for within, words in HOW_SCORED.items():
        if names := [escape(protocol.name) for protocol in protocols if protocol.within_subject is within]:
            lines.append(f"<p class='muted'>Protocol {', '.join(names)}: {escape(words)}</p>")
    return lines


def _literature(report: Report) -> str:
    literature = report.literature
    if literature is None:
        return ""
    rows = [
        [
            escape(figure.target),
            f"{100 * figure.published:.2f} %",
            *(f"{100 * figure.ours[protocol.name]:.1f} %" for protocol in report.protocols),
        ]
        for figure in literature.figures
    ]
    head = ("target", "published", *(f"here, {_protocol_name(protocol)}" for protocol in report.protocols))
    note = "<p class='muted'>The signals of this run are synthetic: the columns cannot be compared.</p>"
    return _section(
        "The paper’s figures beside these",
        _table(head, rows),
        f"<p class='muted'>Accuracy. Published: {escape(literature.source)}; protocol: "
        f"{escape(literature.protocol)}. {escape(literature.others)}</p>",
        note if report.record.dataset.synthetic else "",
    )


def _subjects(report: Report) -> str:
    parts = []
    for protocol in report.protocols:
        parts.append(f"<h3>Protocol {_protocol_name(protocol)}</h3>{_warning(protocol)}")
        for t, target in enumerate(protocol.targets):
            if len(target.subjects) > 4:
                title = f"<h4>{_name(report, t)}</h4>" if len(protocol.targets) > 1 else ""
                parts.append(title + _figure(charts.subjects(protocol, t)))
        rows = [
            [
                escape(subject.subject),
                _name(report, t),
                *_cells(subject.found, balanced=subject.classes > 1),
                _number(subject.reference if subject.classes > 1 else None),
            ]
            for t, target in enumerate(protocol.targets)
            for subject in target.subjects
        ]
        head = ["subject", "target", *_COLUMNS, _REFERENCE]
        if not any(subject.found.interval for target in protocol.targets for subject in target.subjects):
            place = head.index(_INTERVAL)
            head, rows = _without(head, place), [_without(row, place) for row in rows]
        table = _table(head, rows, words=2)
        if len(rows) > 12:
            table = f"<details><summary>Table of {len(rows)} rows</summary>{table}</details>"
        parts.append(table)
    few = (
        "A person’s interval is over whole trials; it is missing where there are fewer than two trials of a class. "
        "Balanced figures are missing where a person’s tested windows are of one class."
    )
    return _section("Subjects", *parts, f"<p class='muted'>{few}</p>")


def _details(report: Report) -> str:
    """Supernet and subnets, confusion and calibration."""
    parts = []
    for protocol in report.protocols:
        parts.append(f"<h3>Protocol {_protocol_name(protocol)}</h3>{_warning(protocol)}")
        sizes = _sizes(report, protocol)
        rows = [
            [
                _name(report, t) if kind == "found" else "",
                f"<span class='name'>{label}</span>",
                sizes.get(kind, "–"),
                *_cells(target.kinds[kind]),
            ]
            for t, target in enumerate(protocol.targets)
            for kind, label in _KINDS.items()
            if kind in target.kinds and (kind != "inherited" or report.record.settings.preset.finetune)
        ]
        parts.append(_table(("target", "", "parameters", *_COLUMNS), rows, words=2))
        pictures = "".join(_pair(report, target, t) for t, target in enumerate(protocol.targets))
        parts.append(f"<div class='row'>{pictures}</div>")
    parts.append(
        "<p class='muted'>Pictures are of the found subnets over all tested windows. Matrix: shares of each true "
        "class, with numbers of windows. Curve: how often the named class was right by how sure the network was; "
        "larger dots stand for more windows, the dotted line for perfect calibration.</p>"
    )
    return _section("Supernet and found subnets", *parts)


def _sizes(report: Report, protocol: ProtocolReport) -> dict[str, str]:
    low, high = min(protocol.parameters), max(protocol.parameters)
    found = _thousands(low) if low == high else f"{_thousands(low)}–{_thousands(high)}"
    return {"found": found, "int8": found, "inherited": found, "supernet": _thousands(report.record.largest)}


def _thousands(parameters: int) -> str:
    return f"{parameters / 1e6:.2f} M" if parameters >= 1e6 else f"{parameters / 1e3:.1f} k"


def _pair(report: Report, target: TargetReport, t: int) -> str:
    colour = TARGETS[t % len(TARGETS)]
    pictures = charts.confusion(target, colour) + charts.reliability(target.reliability, len(target.classes), colour)
    layout = "stack" if len(report.record.targets) > 1 else "row"
    return f"<div class='pair'><h4>{_name(report, t)}</h4><div class='{layout}'>{pictures}</div></div>"


def _search(report: Report) -> str:
    """Show the networks that ship: architecture, front, hypervolume."""
    record = report.record
    parts = [
        f"<p>The exported model has {_thousands(sum(n.parameters for n in record.final))} parameters in "
        f"{record.model_bytes / 1e6:.2f} MB and takes {record.latency_ms:.2f} ms a window through the app’s predictor "
        f"on the machine of this run. Architectures of all folds are in result.json.</p>"
    ]
    colours = {target.name: (target.title, TARGETS[t % len(TARGETS)]) for t, target in enumerate(record.targets)}
    for search in report.searches:
        network = search.network
        names = [colours[target] for target in network.targets]
        if len(report.searches) > 1:
            parts.append(f"<h3>{escape(', '.join(name for name, _ in names))}</h3>")
        drawn = charts.architecture(
            network,
            channels=len(record.preprocessing.channels),
            features=record.preprocessing.n_features,
            names=names,
        )
        parts.append(
            _figure(
                drawn,
                f"Found subnet of the exported model: embedding {network.embed_dim}, {len(network.heads)} blocks, "
                f"{network.parameters} parameters. Bars of the MLP are as wide as their hidden layers.",
            )
        )
        pictures = charts.pareto(search) + charts.hypervolume(search.hypervolume)
        caption = (
            f"{len(search.candidates)} subnets (dots) were looked at on validation windows, with inherited weights. "
            f"{HYPERVOLUME[record.settings.preset.latency_searched]}"
        )
        parts.append(_figure(f"<div class='row'>{pictures}</div>", caption))
    return _section("Search", *parts)


def _costs(report: Report) -> str:
    """Show what 8-bit weights and bad channels cost, where that was measured."""
    record = report.record
    parts = []
    if costs := record.quantisation:
        rows = [
            [
                _name(report, t),
                *(f"{value:.3f}" for value in (score.float_balanced_accuracy, score.balanced_accuracy)),
                f"<b>{score.loss:+.3f}</b>",
                *(f"{value:.3f}" for value in (score.float_accuracy, score.accuracy)),
                str(score.n_windows),
            ]
            for t, score in enumerate(costs.scores)
        ]
        head = ("target", "balanced accuracy, float", "8 bits", "lost", "accuracy, float", "8 bits", "windows")
        parts += [
            "<h3>8-bit weights</h3>",
            f"<p>The exported graph takes {record.model_bytes / 1e6:.3f} MB instead of {costs.float_bytes / 1e6:.3f} "
            f"MB and {costs.latency_ms:.2f} ms a window instead of {costs.float_latency_ms:.2f} ms. The networks of "
            f"all folds of protocol {escape(record.primary)} were scored with 8-bit weights on their test windows, "
            "one window at a time as live.</p>",
            _table(head, rows),
        ]
    if record.bad_channel_losses:
        names = [target.name for target in record.targets]
        rows = [
            [
                _name(report, names.index(loss.target)),
                _REPLACED[loss.method],
                str(loss.channels),
                *(f"{v:.3f}" for v in (loss.balanced_accuracy, loss.balanced_accuracy_after_rest)),
                *(f"{v:+.3f}" for v in (loss.loss, loss.loss_after_rest)),
                str(loss.draws),
            ]
            for loss in record.bad_channel_losses
        ]
        columns = ("target", "replaced by", "channels", "balanced accuracy, throughout", "after rest",
                "lost, throughout", "after rest", "draws")  # fmt: skip
        n = len(record.preprocessing.channels)
        allowed = int(n * record.max_bad_share)
        rule = f"of the numbers measured, the largest up to which no target loses more than {LARGEST_LOSS:g} either way"
        parts += [
            "<h3>Bad electrodes</h3>",
            f"<p>Randomly chosen channels of the test recordings of protocol {escape(record.primary)} were replaced in "
            "the ways of the app: by spherical splines of the others, or by tokens as at rest; throughout, or from the "
            f"end of the rest baseline on. The bundle allows <b>{allowed} of {n}</b> channels to be bad, replaced by "
            f"{_REPLACED[record.bad_channels]} ({rule}).</p>",
            _table(columns, rows, words=2),
        ]
    return _section("What smaller weights and missing electrodes cost", *parts) if parts else ""


def _curves(report: Report) -> str:
    cells = [
        (f"{_protocol_name(protocol)}, {len(protocol.curves)} supernets", charts.curves(protocol.curves))
        for protocol in report.protocols
    ]
    cells.append(("exported model", charts.curves([search.curve for search in report.searches])))
    pictures = "".join(f"<div class='pair'><h4>{title}</h4>{picture}</div>" for title, picture in cells)
    words = (
        "One line for each supernet. Training loss is that of the subnets drawn in an epoch, on augmented windows with "
        "dropout; validation loss is the mean of a few fixed subnets on windows as they are, so that it may be lower."
    )
    return _section("Learning curves", f"<div class='row'>{pictures}</div><p class='muted'>{words}</p>")


def _exclusions(report: Report) -> str:
    if not report.record.excluded:
        return _section("What was left out", "<p>Nothing.</p>")
    by_reason: dict[str, list[str]] = {}
    for exclusion in report.record.excluded:
        by_reason.setdefault(exclusion.why, []).append(exclusion.what)
    rows = [[escape(", ".join(names)), escape(why)] for why, names in by_reason.items()]
    return _section("What was left out", _table(("subject or target", "why"), rows, words=2))


def _method(report: Report) -> str:
    record = report.record
    people = f" of {len(record.subjects)} subjects"
    protocols = [
        [_protocol_name(p), f"{p.splits}{people if p.within_subject else ''}", escape(p.description)]
        for p in report.protocols
    ]
    targets = [
        [_name(report, t), escape(", ".join(target.classes)), escape(target.description)]
        for t, target in enumerate(record.targets)
    ]
    settings = record.settings.preset
    facts = {
        "data": f"{record.dataset.title}. {record.dataset.source}. {record.dataset.licence}.",
        "preprocessing": record.preprocessing.describe(),
        "channels": ", ".join(record.preprocessing.channels),
        "space": f"{settings.space.count()} subnets, {settings.space.depths[0]} to {settings.space.depths[-1]} layers",
        "networks": "one for each target" if settings.networks == "each" else "one with a head for each target",
        "calibration": CALIBRATION + SHIPPED_CALIBRATION[record.protocol(record.primary).within_subject],
        "intervals": "percentile bootstrap over whole subjects, or whole trials where subjects are fewer than five",
        "command": record.command,
        "software": ", ".join(f"{name} {version}" for name, version in record.software.items()),
        "duration": f"{record.seconds / 60:.1f} min",
    }
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in facts.items())
    return _section(
        "Method",
        _table(("protocol", "folds", "what is held out"), protocols, words=3),
        _table(("target", "classes", ""), targets, words=3),
        f"<dl>{listed}</dl>",
    )
