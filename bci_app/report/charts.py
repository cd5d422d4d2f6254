"""The charts of a report: everything over time on one axis, and the plane of valence and arousal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bci_app.events import ContactLevel
from bci_app.report.facts import Curve, SessionFacts, wanted
from bci_app.report.svg import (
    LEFT,
    RIGHT,
    WIDTH,
    TimeAxis,
    clock,
    curve,
    diamond,
    dot,
    figure,
    line,
    rectangle,
    runs,
    text,
    thinned,
)
from bci_app.study.trials import RecordedTrial

AXES = ("valence", "arousal")  # from left to right, from bottom to top
_QUADRANTS = ((0, 1, "tense"), (1, 1, "excited"), (1, 0, "calm"), (0, 0, "sad"))

_BAND = 20  # height of the row of trials
_TIMELINE = 76
_GAP = 14  # between rows
_TRACK = 12  # height of an electrode's row
# Height of a level's bar in its row: colour is not the only sign.
_BAR = {ContactLevel.GOOD: 2.0, ContactLevel.POOR: 5.0, ContactLevel.BAD: 8.0, ContactLevel.MISSING: 8.0}
_SIDE = 400  # of the plane
_MARGIN = 34
_TARGETS = 6  # colours


def overview(facts: SessionFacts) -> str:
    """Draw trials, predictions, contact, artefacts and losses over time, one above the other."""
    axis = TimeAxis(facts.recording.duration)
    pieces: list[str] = []
    y = 8.0
    if facts.trials or (facts.study and facts.study.rests):
        pieces += _trials(facts, axis, y)
        y += _BAND + _GAP
    for number, found in enumerate(facts.curves):
        pieces += _timeline(facts, found, axis, y, number)
        y += _TIMELINE + _GAP
    top = y
    for number in range(len(facts.contact.channels)):
        pieces += _contact(facts, number, axis, y)
        y += _TRACK
    y += _GAP if y > top else 0
    pieces += _events(facts, axis, y)
    y += _BAND + 4
    for tick in axis.ticks:
        pieces.append(line(axis.x(tick), y, axis.x(tick), y + 4, "axis"))
        pieces.append(text(axis.x(tick), y + 17, clock(tick), "muted", anchor="middle"))
    pieces.append(line(LEFT, y, WIDTH - RIGHT, y, "axis"))
    return figure(y + 24, pieces, "trials, predictions, contact and losses over time")


def _trials(facts: SessionFacts, axis: TimeAxis, y: float) -> Iterator[str]:
    """Draw rests and trials as bands: with what they were if all have room for it, else with the numbers of trials."""
    yield text(LEFT - 10, y + 14, "trials" if facts.study else "self-reports", "muted", anchor="end")
    spans = [trial.span for trial in facts.trials]
    names = [trial.condition for trial in facts.trials]
    fit = all(_fits(name, axis.x(span.offset) - axis.x(span.onset)) for name, span in zip(names, spans, strict=True))
    bands = [(trial.span, trial.condition if fit else str(trial.number), "trial") for trial in facts.trials]
    if facts.study is not None:
        bands += [(rest, "rest", "rest") for rest in facts.study.rests]
        bands += [(span, "", "interrupted") for span in facts.study.interrupted]
    tips = [f"{trial.number}: {trial.condition}" for trial in facts.trials]
    tips += [{"rest": "rest", "interrupted": "interrupted, not used"}[kind] for _, _, kind in bands[len(tips) :]]
    for (span, word, kind), tip in zip(bands, tips, strict=True):
        left, right = axis.x(span.onset), axis.x(span.offset)
        when = f"{clock(span.onset)} to {clock(span.offset)}"
        yield rectangle(left, y, right - left, _BAND, f"band {kind}", f"{tip}, {when}")
        if word and _fits(word, right - left):
            yield text((left + right) / 2, y + 14, word, "small", anchor="middle")


def _fits(word: str, width: float) -> bool:
    return width > 6.5 * len(word) + 6


def _timeline(facts: SessionFacts, found: Curve, axis: TimeAxis, y: float, number: int) -> Iterator[str]:
    """Draw one target: the smoothed answer, invalid stretches hatched with their reason, ratings as diamonds."""
    assert facts.predictions is not None
    bottom = y + _TIMELINE
    yield text(LEFT - 10, y + _TIMELINE / 2 + 4, found.title, anchor="end")
    yield text(LEFT - 10, y + 10, found.classes[-1], "muted small", anchor="end")
    yield text(LEFT - 10, bottom - 2, found.classes[0], "muted small", anchor="end")
    reasons = [
        "" if valid else ", ".join(why)
        for valid, why in zip(facts.predictions.valid, facts.predictions.reasons, strict=True)
    ]
    times = facts.times
    hop = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    for start, stop, why in runs(reasons):
        if why:
            left, right = axis.x(times[start] - hop), axis.x(times[stop - 1])
            tip = f"invalid, {clock(times[start])} to {clock(times[stop - 1])}: {why}"
            yield rectangle(left, y, right - left, _TIMELINE, "invalid", tip)
    for share in (0.0, 0.5, 1.0):
        yield line(LEFT, bottom - share * _TIMELINE, WIDTH - RIGHT, bottom - share * _TIMELINE, "grid")
    points = [(axis.x(t), bottom - v * _TIMELINE) for t, v in thinned(times, found.smoothed, axis.seconds)]
    yield curve(points, f"curve target{number % _TARGETS}")
    for trial in facts.trials:
        value = wanted(trial, found)
        if value is not None and found.name in trial.ratings:
            tip = f"trial {trial.number} ({trial.condition}): {found.title} rated {trial.ratings[found.name]}"
            middle = axis.x((trial.span.onset + trial.span.offset) / 2)
            yield diamond(middle, bottom - value * _TIMELINE, 5, "rating", tip)


def _contact(facts: SessionFacts, number: int, axis: TimeAxis, y: float) -> Iterator[str]:
    track = facts.contact
    yield text(LEFT - 10, y + 9.5, track.channels[number], "muted tiny", anchor="end")
    levels = [row[number].value for row in track.levels]
    for start, stop, word in runs(levels):
        level = ContactLevel(word)
        if level is ContactLevel.UNKNOWN:
            continue
        begin = float(track.times[start - 1]) if start else 0.0
        left, right = axis.x(begin), axis.x(float(track.times[stop - 1]))
        height = _BAR[level]
        tip = "" if level is ContactLevel.GOOD else f"{track.channels[number]} {word}, {clock(begin)}"
        yield rectangle(left, y + (_TRACK - height) / 2, right - left, height, level.value, tip)


def _events(facts: SessionFacts, axis: TimeAxis, y: float) -> Iterator[str]:
    """Draw artefacts and losses on one row."""
    times, words = facts.artefacts
    yield text(LEFT - 10, y + 14, "artefacts, loss", "muted", anchor="end")
    yield rectangle(LEFT, y, WIDTH - LEFT - RIGHT, _BAND, "strip")
    for start, stop, word in runs(words):
        if word:
            begin = float(times[start - 1]) if start else 0.0
            left, right = axis.x(begin), axis.x(float(times[stop - 1]))
            yield rectangle(left, y + 4, right - left, _BAND - 8, "artefact", f"{word}, {clock(begin)}")
    for found in facts.recording.breaks:
        time = float(facts.recording.times[found.row])
        tip = (
            f"{found.lost} samples lost at {clock(time)}"
            if found.lost
            else f"the source started again at {clock(time)}"
        )
        yield rectangle(axis.x(time) - 1, y, 2, _BAND, "loss", tip)


def plane(facts: SessionFacts) -> str:
    """Draw valence and arousal: every window, the mean of each trial, and its rating; empty without both targets."""
    curves = {found.name: found for found in facts.curves}
    if not all(name in curves for name in AXES):
        return ""
    valence, arousal = (curves[name] for name in AXES)
    pieces = [rectangle(_MARGIN, 6, _SIDE, _SIDE, "frame")]
    middle = _SIDE / 2
    pieces.append(line(_MARGIN, 6 + middle, _MARGIN + _SIDE, 6 + middle, "grid"))
    pieces.append(line(_MARGIN + middle, 6, _MARGIN + middle, 6 + _SIDE, "grid"))
    points = np.stack([valence.smoothed, arousal.smoothed], axis=1)
    valid = points[np.isfinite(points).all(axis=1)]
    pieces += [dot(*_at(*point), 2, "trail") for point in valid[:: max(1, len(valid) // 600)].tolist()]
    for right, up, word in _QUADRANTS:
        edge = _MARGIN + (_SIDE - 8 if right else 8)
        pieces.append(text(edge, 22 if up else _SIDE - 4, word, "muted", anchor="end" if right else "start"))
    for trial in facts.trials:
        pieces += _trial_in_plane(facts, trial, valence, arousal)
    below = 6 + _SIDE + 18
    for left, anchor, word, kind in (
        (_MARGIN, "start", valence.classes[0], "muted"), (_MARGIN + middle, "middle", "valence", ""),
        (_MARGIN + _SIDE, "end", valence.classes[-1], "muted"),
    ):  # fmt: skip
        pieces.append(text(left, below, word, kind, anchor=anchor))
    beside = "".join(
        text(x, 0, word, kind, anchor=anchor)
        for x, anchor, word, kind in (
            (-(6 + _SIDE), "start", arousal.classes[0], "muted"), (-(6 + middle), "middle", "arousal", ""),
            (-6, "end", arousal.classes[-1], "muted"),
        )
    )  # fmt: skip
    pieces.append(f'<g transform="translate({_MARGIN - 12} 0) rotate(-90)">{beside}</g>')
    return figure(_SIDE + 34, pieces, "plane of valence and arousal", width=_SIDE + _MARGIN + 8)


def _trial_in_plane(facts: SessionFacts, trial: RecordedTrial, valence: Curve, arousal: Curve) -> Iterator[str]:
    mean = facts.predicted(trial, valence), facts.predicted(trial, arousal)
    rated = [wanted(trial, found) if found.name in trial.ratings else None for found in (valence, arousal)]
    place = None if None in rated else _at(*(value for value in rated if value is not None))
    if np.isfinite(mean).all():
        at = _at(*mean)
        if place is not None:
            yield line(*at, *place, "miss")
        yield dot(
            *at, 5, "mean", f"trial {trial.number} ({trial.condition}): valence {mean[0]:.2f}, arousal {mean[1]:.2f}"
        )
    if place is not None:
        words = ", ".join(f"{name} {trial.ratings[name]}" for name in AXES)
        yield diamond(*place, 5, "rating", f"trial {trial.number} ({trial.condition}) rated {words}")


def _at(x: float, y: float) -> tuple[float, float]:
    return _MARGIN + x * _SIDE, 6 + (1 - y) * _SIDE
