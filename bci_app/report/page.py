"""The report as one page of HTML that needs nothing beside it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files

import numpy as np

from bci_app import __version__
from bci_app.events import ContactLevel
from bci_app.report.charts import overview, plane
from bci_app.report.facts import Curve, SessionFacts, wanted
from bci_app.report.svg import clock, rectangle, safe
from bci_app.study.trials import RecordedTrial

_MOST_ROWS = 20  # of a table of gaps
_BAR_WIDTH = 160


def render(facts: SessionFacts) -> str:
    """Write the page."""
    title = f"Session of {facts.participant}" if facts.participant else f"Session {facts.recording.path.stem}"
    style = files("bci_app.report").joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(section(facts) for section in SECTIONS)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{safe(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(facts: SessionFacts) -> str:
    begun = facts.recording.session.get("started") or facts.recording.begun
    when = str(begun)[:16].replace("T", " ") if begun else ""
    name = facts.recording.path.name
    tiles = [(clock(facts.recording.duration), "recorded")]
    if facts.predictions is not None:
        tiles.append((_percent(facts.valid_share), "of the windows valid"))
    tiles.append((_percent(facts.contact.good), "good contact"))
    total = len(facts.recording) + facts.lost
    tiles.append((_percent(facts.lost / total, digits=2 if facts.lost else 0), "of the samples lost"))
    if facts.trials:
        tiles.append((str(len(facts.trials)), "trials" if facts.study else "self-reports"))
    shown = "".join(f"<div><b>{value}</b>{words}</div>" for value, words in tiles)
    line = safe(" · ".join(part for part in (when, name) if part))
    simulated = (
        '<p class="verdict">Simulated: the participant is a program, and no figure here says anything about people.</p>'
        if str(facts.recording.session.get("source", "")).startswith("synthetic:")
        else ""
    )
    return f'<p class="muted">{line}</p>\n{simulated}<div class="tiles">{shown}</div>'


def _verdict(facts: SessionFacts) -> str:
    if facts.profile is None:
        named = facts.recording.session.get("profile")
        if named:
            return (
                "<h2>The person's own model</h2>\n"
                f"<p>The session used the profile {safe(named)}, which is not among the data of this user. "
                "Name its folder with --profile to see its verdict here.</p>"
            )
        return ""
    verdict = facts.profile.spec.verdict
    rows = [("balanced accuracy", f"{_number(verdict, 'balanced_accuracy')} ({_range(verdict, 'interval')})")]
    rows.append(("chance", f"{_range(verdict, 'chance')}, p {_number(verdict, 'p', 3)}"))
    for key, words in (
        ("general_balanced_accuracy", "general model"),
        ("artefact_balanced_accuracy", "muscle and eyes alone"),
    ):
        if verdict.get(key) is not None:
            rows.append((words, _number(verdict, key)))
    rows.append(("learnt from", f"{verdict.get('trials', '–')} trials, labelled by {verdict.get('labels', '–')}"))
    rows.append(("learnt on", facts.profile.spec.created[:16].replace("T", " ")))
    sentence = safe(verdict.get("sentence", ""))
    return f'<h2>The person\'s own model</h2>\n<p class="verdict">{sentence}</p>\n{_facts(rows)}'


def _answers(facts: SessionFacts) -> str:
    if facts.predictions is None:
        return (
            "<h2>What the model said</h2>\n<p>The recording holds no predictions. "
            "Name a model with --bundle, and it is predicted now.</p>"
        )
    note = f"<p>Predicted from the recording by {safe(facts.made_by)}, not in the session.</p>" if facts.made_by else ""
    headers = ["target", "from 0 to 1", "mean", "sd", *(["trials as rated"] if facts.trials else [])]
    table = _table(headers, [_target_row(facts, found) for found in facts.curves], right=(2, 3, 4))
    shape = plane(facts)
    marks = " Discs: mean of a trial. Diamonds: its rating." if facts.trials else ""
    legend = f'<p class="muted">Dots: every window, smoothed.{marks}</p>'
    picture = f'<div class="plane">{shape}{legend}</div>' if shape else ""
    return f'<h2>What the model said</h2>\n{note}<div class="sides">{picture}<div>{table}</div></div>'


def _target_row(facts: SessionFacts, found: Curve) -> list[str]:
    valid = found.raw[np.isfinite(found.raw)]
    figures = [f"{valid.mean():.2f}", f"{valid.std():.2f}"] if len(valid) else ["–", "–"]
    row = [safe(found.title), safe(" – ".join(found.classes)), *figures]
    agreed, of = facts.agreement(found)
    return [*row, f"{agreed} of {of}" if of else "–"] if facts.trials else row


def _over_time(facts: SessionFacts) -> str:
    answers = (
        "Lines are smoothed answers from the first class to the last; hatched stretches have none, point at one for "
        "the reason. "
        if facts.curves
        else ""
    )
    ratings = "Diamonds are ratings. " if facts.curves and facts.trials else ""
    words = f"{answers}{ratings}Of each electrode a thin line is good contact, a thicker one poor, the thickest bad."
    return f'<h2>Over time</h2>\n<p class="muted">{words}</p>\n<div class="scroll">{overview(facts)}</div>'


def _trials(facts: SessionFacts) -> str:
    if not facts.trials:
        return ""
    scales = list(dict.fromkeys(name for trial in facts.trials for name in (*trial.ratings, *trial.intended)))
    headers = ["trial", "what", "begins", "length", *(name.replace("_", " ") for name in scales)]
    headers += [f"predicted {found.title}" for found in facts.curves]
    rows = [_trial_row(facts, trial, scales) for trial in facts.trials]
    broken = len(facts.study.interrupted) if facts.study else 0
    note = f"<p>{broken} more were begun and not completed; they are not used.</p>" if broken else ""
    first = 4 + len(scales)
    right = (0, 2, 3, *range(first, first + len(facts.curves)))
    title = "Trials" if facts.study else "Self-reports"
    return f'<h2>{title}</h2>\n{note}<div class="scroll">{_table(headers, rows, right=right)}</div>'


def _trial_row(facts: SessionFacts, trial: RecordedTrial, scales: Sequence[str]) -> list[str]:
    cells = [str(trial.number), safe(trial.condition), clock(trial.span.onset), f"{trial.span.seconds:.0f} s"]
    for name in scales:
        rated, meant = trial.ratings.get(name), trial.intended.get(name)
        cells.append(safe(rated) if rated else f'<span class="muted">{safe(meant)} meant</span>' if meant else "–")
    return [*cells, *(_predicted(facts, trial, found) for found in facts.curves)]


def _predicted(facts: SessionFacts, trial: RecordedTrial, found: Curve) -> str:
    value, side = facts.predicted(trial, found), wanted(trial, found)
    if not math.isfinite(value):
        return "–"
    if side is None or side == 0.5:
        return f"{value:.2f}"
    return f"{value:.2f} {'✓' if (value > 0.5) == (side > 0.5) else '✗'}"


def _invalid(facts: SessionFacts) -> str:
    if facts.predictions is None:
        return ""
    counts, total = facts.invalid(), len(facts.predictions)
    undecided = sum("undecided" in why for why in facts.predictions.reasons)
    if not counts and not undecided:
        return f"<h2>What was invalid, and why</h2>\n<p>All {total} windows are valid.</p>"
    rows = [[safe(why), str(count), _percent(count / total), _bar(count / total)] for why, count in counts.items()]
    note = (
        ""
        if not undecided
        else f"<p>In {_percent(undecided / total)} of the windows the model stood behind no class (undecided).</p>"
    )
    invalid = int((~facts.predictions.valid).sum())
    words = (
        f"{invalid} of {total} windows ({_percent(invalid / total)}) are invalid; a window may have several reasons."
    )
    table = _table(["reason", "windows", "share", ""], rows, right=(1, 2))
    return f"<h2>What was invalid, and why</h2>\n<p>{words}</p>\n{table}{note}"


def _signal(facts: SessionFacts) -> str:
    track = facts.contact
    levels = (ContactLevel.GOOD, ContactLevel.POOR, ContactLevel.BAD)
    rows = []
    for number, name in enumerate(track.channels):
        shares = track.shares(number)
        if shares.get(ContactLevel.GOOD, 0.0) < 1:
            rows.append([safe(name), *(_percent(shares.get(level, 0.0)) for level in levels)])
    good = len(track.channels) - len(rows)
    contact = f"<p>{good} of {len(track.channels)} electrodes had good contact all the time.</p>"
    contact += _table(["electrode", "good", "poor", "bad"], rows, right=(1, 2, 3)) if rows else ""
    _, words = facts.artefacts
    unit = "seconds" if facts.predictions is None else "windows"
    artefacts = ", ".join(
        f"{word} in {_percent(words.count(word) / len(words))} of the {unit}" for word in sorted(set(words) - {""})
    )
    breaks = facts.recording.breaks
    gaps = [[clock(float(facts.recording.times[b.row])), str(b.lost) if b.lost else "started again"] for b in breaks]
    more = f"<p>… and {len(gaps) - _MOST_ROWS} more.</p>" if len(gaps) > _MOST_ROWS else ""
    loss = (
        _table(["at", "samples lost"], gaps[:_MOST_ROWS], right=(0, 1)) + more if gaps else "<p>No sample was lost.</p>"
    )
    return (
        f"<h2>Contact, artefacts and loss</h2>\n<div class='sides'><div>{contact}</div>"
        f"<div><p>{f'Artefacts: {artefacts}.' if artefacts else 'No artefacts were found.'}</p>{loss}</div></div>"
    )


def _recorded(facts: SessionFacts) -> str:
    recording, session = facts.recording, facts.recording.session
    device = session.get("device")
    known = device if isinstance(device, Mapping) else {}
    left_out = ", ".join(recording.left_out)
    stated = {
        "person": facts.participant,
        "session": (facts.study.details if facts.study else {}).get("session", ""),
        "notes": session.get("notes", ""),
        "device": " · ".join(str(known[key]) for key in ("name", "kind", "host") if known.get(key)),
        "source": session.get("source", ""),
        "signal": f"{len(recording.info.channels)} channels at {recording.info.rate:g} Hz, {recording.duration:.1f} s",
        "left out": left_out,
        "model": f"{facts.bundle} {str(session.get('model_sha256', ''))[:12] if not facts.made_by else ''}".strip(),
        "profile": session.get("profile", ""),
        "application": session.get("application", ""),
        "reported by": f"bci-app {__version__}",
    }
    rows = [(name, str(value)) for name, value in stated.items() if value]
    streams = [
        [
            safe(s.name),
            safe(s.type or "–"),
            str(s.n_channels),
            f"{s.rate:g} Hz" if s.rate else "irregular",
            str(s.n_samples),
        ]
        for s in facts.streams
        if s.n_samples
    ]
    table = _table(["stream", "type", "channels", "rate", "samples"], streams, right=(2, 3, 4)) if streams else ""
    notes = "".join(f"<p>{safe(note)}</p>" for note in recording.notes)
    return f"<h2>What was recorded</h2>\n{_facts(rows)}{table}{notes}"


def _again(facts: SessionFacts) -> str:
    file = shlex.quote(facts.recording.path.name)
    bundle = shlex.quote(facts.bundle or "MODEL")
    profile = " PROFILE" if facts.recording.session.get("profile") else ""
    option = f" --bundle {bundle}" if facts.made_by else ""
    steps = [(f"bci-app report {file}{option}", "this page")]
    learnt_on = "prequential" in facts.recording.session  # such predictions cannot be made again
    if facts.predictions is not None and not facts.made_by and not learnt_on:
        steps.append(
            (f"bci-app verify {file} {bundle}{profile}", "are the predictions the same when they are made again?")
        )
    steps.append((f"bci-app replay {file}", "play it as an LSL stream"))
    if facts.study is not None:
        steps.append((f"bci-app learn {file} --bundle {bundle}", "learn the person's own model from its trials"))
        steps.append(("bci-app export bids FOLDER OUT", "the whole study, which lies in FOLDER, as a BIDS data set"))
    lines = "\n".join(f"# {words}\n{command}" for command, words in steps)
    return f"<h2>Repeat it</h2>\n<p>In the folder of the recording:</p>\n<pre>{safe_lines(lines)}</pre>"


SECTIONS: tuple[Callable[[SessionFacts], str], ...] = (
    _head, _answers, _over_time, _verdict, _trials, _invalid, _signal, _recorded, _again,
)  # fmt: skip
"""Parts of the page, in order."""


def safe_lines(lines: str) -> str:
    """Return lines as HTML that shows them."""
    return "\n".join(safe(line) for line in lines.split("\n"))


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Write a table; headers are text, cells are HTML, columns in `right` hold numbers."""

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(f"<{tag}{' class=n' if n in right else ''}>{value}</{tag}>" for n, value in enumerate(values))

    body = "".join(f"<tr>{cells('td', row)}</tr>\n" for row in rows)
    return f"<table>\n<tr>{cells('th', [safe(name) for name in headers])}</tr>\n{body}</table>"


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in rows) + "</dl>"


def _bar(share: float) -> str:
    bar = rectangle(0, 2, share * _BAR_WIDTH, 8, "bar")
    return f'<svg viewBox="0 0 {_BAR_WIDTH} 12" width="{_BAR_WIDTH}" aria-hidden="true">{bar}</svg>'


def _percent(share: float, *, digits: int = 0) -> str:
    if not math.isfinite(share):
        return "–"
    if 0 < share < 0.5 * 10.0 ** -(digits + 2):
        return f"&lt; {10.0**-digits:g} %"
    return f"{100 * share:.{digits}f} %"


def _number(verdict: Mapping[str, object], key: str, digits: int = 2) -> str:
    value = verdict.get(key)
    return f"{value:.{digits}f}" if isinstance(value, int | float) else "–"


def _range(verdict: Mapping[str, object], key: str) -> str:
    value = verdict.get(key)
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(isinstance(v, int | float) for v in value):
        return "–"
    return f"{value[0]:.2f} to {value[1]:.2f}"
