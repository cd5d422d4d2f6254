"""The model card: where a model comes from, what it is for, and what it reached beside which controls."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field

from bci_app.bundle.domain import Fraction
from bci_app.preprocessing.base import Frozen

NOT_ABOVE_CHANCE = "not above chance"
EXPLAINED = "explained by its controls"
WEAKNESSES = {
    EXPLAINED: "its controls explain the score: the model may read something else than its title says",
    NOT_ABOVE_CHANCE: "its score is not above chance",
}
"""What each mark means, in words."""


class SwapTest(Frozen):
    """What becomes of the answers if the first seconds of the task stand for rest.

    Attributes
    ----------
    rest_high, task_high : float
        Share of the windows of rest and of the task that are called high. A model that reads load calls rest low
        and the task no longer higher; one that reads "another recording than the baseline's" calls rest high.
    """

    rest_high: Fraction
    task_high: Fraction


class Controls(Frozen):
    r"""Figures that a score must be seen beside, from the same people and folds. Each is there if it was measured.

    Attributes
    ----------
    swap : SwapTest
        Rest and task with the baselines swapped.
    muscle_free, muscle_only : float
        Balanced accuracy of the same model with frequencies up to 28 Hz, and with those above alone.
    simple_methods : mapping of str to float
        Balanced accuracy of simple methods by name, for example the mean of \|z\| or Riemannian distances.
    largest_subnet, median_subnet, random_subnet : float
        Balanced accuracy of subnets that no search chose, trained the same way.
    false_alarms : float
        Share of the windows of long rest that are called high.
    false_alarm_course : tuple of float
        The same in successive 30 s of the recordings; empty where rest is no longer.
    first_half, second_half : float
        Balanced accuracy in the halves of the recordings.
    """

    swap: SwapTest | None = None
    muscle_free: Fraction | None = None
    muscle_only: Fraction | None = None
    simple_methods: dict[str, Fraction] = Field(default_factory=dict)
    largest_subnet: Fraction | None = None
    median_subnet: Fraction | None = None
    random_subnet: Fraction | None = None
    false_alarms: Fraction | None = None
    false_alarm_course: tuple[Fraction, ...] = ()
    first_half: Fraction | None = None
    second_half: Fraction | None = None

    def describe(self) -> list[str]:
        """Return a line for each control that was measured."""
        lines = []
        if self.swap is not None:
            lines.append(
                f"baseline from the task: rest is called high in {self.swap.rest_high:.2f} of the windows, "
                f"the task in {self.swap.task_high:.2f}"
            )
        named = {
            "without frequencies above 28 Hz": self.muscle_free,
            "with frequencies above 28 Hz alone": self.muscle_only,
            **self.simple_methods,
            "largest subnet": self.largest_subnet,
            "median subnet": self.median_subnet,
            "random subnet": self.random_subnet,
            "first half of the recordings": self.first_half,
            "second half of the recordings": self.second_half,
        }
        lines += [f"{name}: balanced accuracy {value:.2f}" for name, value in named.items() if value is not None]
        if self.false_alarms is not None:
            course = ", ".join(f"{share:.2f}" for share in self.false_alarm_course)
            lines.append(
                f"long rest: called high in {self.false_alarms:.2f} of the windows"
                + (f" (by 30 s: {course})" if course else "")
            )
        return lines


class Answered(Frozen):
    """How often the model's conformal sets, with thresholds from other people, are an answer, and what that is worth.

    Attributes
    ----------
    share : float
        Share of the windows whose set has exactly one class.
    rolling_balanced_accuracy : float
        Balanced accuracy of these.
    coverage : float
        Share of all windows whose set holds the true class.
    """

    share: Fraction
    rolling_balanced_accuracy: Fraction
    coverage: Fraction

    def describe(self) -> str:
        """Return it in words."""
        return (
            f"answered: {self.share:.2f} of the windows, rolling balanced accuracy of these "
            f"{self.rolling_balanced_accuracy:.2f}; sets hold the true class in {self.coverage:.2f} of all windows"
        )


class Loss(Frozen):
    """Balanced accuracy that is lost without an electrode or a band; negative where some is gained."""

    name: str
    loss: float


class Attribution(Frozen):
    """What a target is read from, on people or trials held out: the tokens of each electrode and of each band replaced.

    Attributes
    ----------
    target : str
        Its name.
    channels, bands : tuple of Loss
        With their tokens at the mean of all windows; no bands where a token is no band power.
    """

    target: str
    channels: Annotated[tuple[Loss, ...], Field(min_length=1)]
    bands: tuple[Loss, ...] = ()

    @property
    def title(self) -> str:
        """The name of the target as a person reads it."""
        return self.target.replace("_", " ")

    def describe(self) -> str:
        """Return the three electrodes and the two bands that are worth most, in words."""
        most = [*_most(self.channels, 3), *_most(self.bands, 2)]
        if not most:
            return f"Nothing alone counts for {self.title}: no balanced accuracy is lost without it."
        losses = ", ".join(f"{each.name} ({each.loss:.3f})" for each in most)
        return f"What counts most for {self.title}: {losses}. In brackets: balanced accuracy that is lost without it."


def _most(losses: tuple[Loss, ...], n: int) -> list[Loss]:
    return sorted((each for each in losses if each.loss > 0), key=lambda each: -each.loss)[:n]


class TargetScore(Frozen):
    """What the model reached on one target, on people or trials that it was not trained on.

    Rolling figures use the mean probability over `rolling_seconds`. Where each subject has a separate network,
    balanced figures are means over subjects, and the majority baseline is that of each subject's classes.
    """

    target: str
    balanced_accuracy: Fraction
    accuracy: Fraction
    majority_baseline: Fraction
    n_windows: Annotated[int, Field(ge=1)]
    rolling_balanced_accuracy: Fraction | None = None
    rolling_seconds: float | None = None
    expected_calibration_error: Fraction | None = None
    interval: tuple[float, float] | None = None
    """95 % interval of the balanced accuracy over subjects (or trials)."""
    macro_f1: Fraction | None = None
    reference_method: str | None = None
    reference_balanced_accuracy: Fraction | None = None
    controls: Controls = Controls()
    explained_by_controls: bool = False
    """Whether the controls explain the score: the model may read something else than its title says."""
    answers: Answered | None = None
    """Of the conformal sets; None where they were not measured."""


class QuantisedScore(Frozen):
    """What 8-bit weights reach on one target, beside the same networks with float weights on the same test windows."""

    target: str
    n_windows: Annotated[int, Field(ge=1)]
    float_accuracy: Fraction
    accuracy: Fraction
    float_balanced_accuracy: Fraction
    balanced_accuracy: Fraction

    @property
    def loss(self) -> float:
        """Balanced accuracy that is lost; negative where there is gain."""
        return self.float_balanced_accuracy - self.balanced_accuracy


class Quantisation(Frozen):
    """What storing the weights as 8-bit integers costs and saves: scores, bytes of the graph, ms a window."""

    scores: tuple[QuantisedScore, ...]
    float_bytes: Annotated[int, Field(gt=0)]
    float_latency_ms: Annotated[float, Field(gt=0)]
    latency_ms: Annotated[float, Field(gt=0)]


class BadChannelLoss(Frozen):
    """What replacing `channels` randomly chosen channels costs on one target, as a mean over draws of them.

    Attributes
    ----------
    target : str
        The target.
    method : {"interpolate", "rest"}
        What stands for a channel, as in `Bundle.bad_channels`.
    channels, draws : int
        How many channels, and how many random choices of them.
    balanced_accuracy, balanced_accuracy_after_rest : float
        With the channels replaced throughout, and from the end of the rest baseline on (the same where there is
        no baseline).
    loss, loss_after_rest : float
        Balanced accuracy with all channels less that.
    """

    target: str
    method: Literal["interpolate", "rest"]
    channels: Annotated[int, Field(ge=1)]
    draws: Annotated[int, Field(ge=1)]
    balanced_accuracy: Fraction
    balanced_accuracy_after_rest: Fraction
    loss: float
    loss_after_rest: float

    @property
    def worst(self) -> float:
        """The larger loss."""
        return max(self.loss, self.loss_after_rest)


class MontageScore(Frozen):
    """What the model reaches on one target with some electrodes, on people that it was not trained on.

    Attributes
    ----------
    montage : str
        Name of the montage, for example ``muse``.
    electrodes : tuple of str
        Its electrodes, canonical names.
    any_of : int or None
        None if all of the electrodes are meant; else the score is that of so many of them, chosen at random.
    target : str
        The target.
    balanced_accuracy, interval, rolling_balanced_accuracy, n_windows, controls, explained_by_controls, answers
        As in `TargetScore`.
    """

    montage: str
    electrodes: Annotated[tuple[str, ...], Field(min_length=1)]
    any_of: Annotated[int, Field(ge=1)] | None = None
    target: str
    balanced_accuracy: Fraction
    interval: tuple[float, float] | None = None
    rolling_balanced_accuracy: Fraction | None = None
    n_windows: Annotated[int, Field(ge=1)]
    controls: Controls = Controls()
    explained_by_controls: bool = False
    answers: Answered | None = None

    @property
    def n_electrodes(self) -> int:
        """Electrodes that the score is for."""
        return len(self.electrodes) if self.any_of is None else self.any_of

    def covers(self, channels: Collection[str]) -> bool:
        """Return whether a stream with these channels (canonical names) has the electrodes of the score."""
        present = sum(name in channels for name in self.electrodes)
        return present >= self.n_electrodes


def weakness(score: TargetScore | MontageScore, chance: float) -> str:
    """Return why a score is worth less than it seems: one of two marks, or nothing.

    Parameters
    ----------
    score : TargetScore or MontageScore
        With the interval that it was stated with, if any.
    chance : float
        Balanced accuracy without knowledge.
    """
    lowest = score.balanced_accuracy if score.interval is None else score.interval[0]
    if lowest <= chance:
        return NOT_ABOVE_CHANCE
    return EXPLAINED if score.explained_by_controls else ""


class Provenance(Frozen):
    """Where the model comes from and what it is for."""

    dataset: str
    dataset_source: str
    licence: str
    synthetic: bool
    train_subjects: tuple[str, ...]
    validation_subjects: tuple[str, ...] = ()
    held_out_subjects: tuple[str, ...] = ()
    protocol: str
    protocol_description: str
    leaks: bool = False
    scores: tuple[TargetScore, ...]
    attributions: tuple[Attribution, ...] = ()
    quantisation: Quantisation | None = None
    bad_channels: tuple[BadChannelLoss, ...] = ()
    montages: tuple[MontageScore, ...] = ()
    intended_use: str
    limitations: str
    created: str
    command: str
    software: dict[str, str]
