"""What a model reached on data that it was not trained on, in words. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

from bci_app.bundle.provenance import WEAKNESSES
from bci_app.bundle.spec import Bundle, MontageScore, TargetScore


def scores(bundle: Bundle) -> list[str]:
    """Return two lines for each target: balanced accuracy beside chance, accuracy beside the majority."""
    texts = []
    for score in bundle.provenance.scores:
        name = _prefix(bundle, score)
        rolling = ""
        if score.rolling_balanced_accuracy is not None and score.rolling_seconds is not None:
            rolling = f", {score.rolling_balanced_accuracy:.2f} over {score.rolling_seconds:g} s"
        texts.append(f"{name}{_balanced(score)} a window{_interval(score)}{rolling}; {_chance(bundle, score)}")
        texts.append(
            f"{name}accuracy {score.accuracy:.2f} a window; "
            f"always guessing the majority gives {score.majority_baseline:.2f}"
        )
    return texts


def controls(bundle: Bundle) -> list[str]:
    """Return a line for each figure that the scores must be seen beside."""
    return [
        f"{_prefix(bundle, score)}{line}"
        for score in bundle.provenance.scores
        for line in (*([score.answers.describe()] if score.answers else []), *score.controls.describe())
    ]


def weaknesses(bundle: Bundle) -> dict[str, str]:
    """Return the mark of each score that is worth less than it seems, by the warning that stands beside it."""
    marked = [(score, mark) for score in bundle.provenance.scores if (mark := bundle.weakness(score))]
    return {f"{_prefix(bundle, score)}{_sentence(mark)}": mark for score, mark in marked}


def montage_scores(bundle: Bundle, channels: Sequence[str]) -> list[str]:
    """Return a line for each target with the score of the electrodes that a stream has, where it was measured.

    Parameters
    ----------
    bundle : Bundle
        The model.
    channels : sequence of str
        Names of the stream's columns in any spelling.
    """
    found = [bundle.montage_score(channels, target.name) for target in bundle.targets]
    return [
        f"{_prefix(bundle, score)}{_balanced(score)}{_interval(score)} with {_electrodes(score)}; "
        f"{_chance(bundle, score)}. {_sentence(bundle.weakness(score))}".strip()
        for score in found
        if score is not None
    ]


def _sentence(mark: str) -> str:
    return f"{WEAKNESSES[mark].capitalize()}." if mark else ""


def _prefix(bundle: Bundle, score: TargetScore | MontageScore) -> str:
    return f"{score.target.replace('_', ' ')}: " if len(bundle.targets) > 1 else ""


def _balanced(score: TargetScore | MontageScore) -> str:
    return f"balanced accuracy {score.balanced_accuracy:.2f}"


def _chance(bundle: Bundle, score: TargetScore | MontageScore) -> str:
    return f"chance is {bundle.chance(score.target):.2f}"


def _interval(score: TargetScore | MontageScore) -> str:
    return f" (95 % {score.interval[0]:.2f}–{score.interval[1]:.2f})" if score.interval else ""


def _electrodes(score: MontageScore) -> str:
    """Name the electrodes that a score is for."""
    if score.any_of is not None:
        return f"any {score.any_of} of its electrodes"
    return f"the {len(score.electrodes)} electrodes of {score.montage}"
