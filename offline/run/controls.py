"""Controls beside each score of a run: what else than its title says a network may read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bci_app.bundle.spec import Attribution, Controls, Loss, SwapTest
from bci_app.preprocessing.spec import LogBandPowerToken, NoBaseline, PreprocessingSpec, RestBaseline
from offline.baselines.artefacts import artefact_scores, distance_score, mean_z_score
from offline.datasets.base import Dataset, Split, WindowSet
from offline.datasets.windows import trial_windows
from offline.metrics import Ints, balanced_accuracy, mean_over, scored_apart
from offline.run.answers import swapped
from offline.run.bad_channels import FoldNetwork
from offline.run.record import ScoredWindows

MUSCLE_FROM = 28.0
"""Hz. Above it the signal of scalp electrodes is mostly that of muscles (Whitham et al. 2007)."""

LARGEST_FALSE_ALARM = 0.10
"""Share of the windows of rest that may be called high when the beginning of the task stands for rest."""

MEAN_Z = "mean |z|"
DISTANCE = "Riemannian distances from rest"

COURSE_SECONDS = 30.0
"""Length of the stretches of rest whose false alarms are counted apart."""

_MOST_WINDOWS = 500

Tokens = NDArray[np.float32]
Change = Callable[[Tokens], Tokens]


class Probe:
    """The found subnets of a protocol, asked again with other tokens.

    Parameters
    ----------
    windows : WindowSet
        All windows of the run.
    networks : sequence of FoldNetwork
        Each answers for the test windows of its split.
    within_subject : bool
        Whether each subject is scored apart.
    """

    def __init__(self, windows: WindowSet, networks: Sequence[FoldNetwork], *, within_subject: bool) -> None:
        self.windows, self.within_subject = windows, within_subject
        self._networks = [fold for fold in networks if len(fold.split.test)]

    def scores(self, changed: Change, *, most: int | None = None) -> dict[str, float]:
        """Return the balanced accuracy of each target with tokens changed.

        Parameters
        ----------
        changed : callable
            From tokens (n_windows, n_channels, n_features), which it may overwrite, to others.
        most : int, optional
            Score about so many windows, the same at every call; all by default.
        """
        rng = np.random.default_rng(0)
        tested = np.unique(np.concatenate([fold.split.test for fold in self._networks]))
        asked = tested if most is None or most >= len(tested) else np.sort(rng.choice(tested, most, replace=False))
        predicted = np.full((len(self.windows), len(self.windows.targets)), -1, dtype=np.int64)
        for fold in self._networks:
            index = np.intersect1d(fold.split.test, asked)
            if len(index):
                classes = self.predict(fold, changed(np.array(self.windows.tokens[index])))
                for name, column in classes.items():
                    predicted[index, self._column(name)] = column
        scores = {}
        for t, target in enumerate(self.windows.targets):
            index = np.flatnonzero(predicted[:, t] >= 0)
            labels = self.windows.labels[index, t]
            apart = scored_apart(labels, self.windows.subject[index], within_subject=self.within_subject)
            scores[target.name] = mean_over(apart, balanced_accuracy, predicted[index, t], labels)
        return scores

    def predict(self, fold: FoldNetwork, tokens: Tokens) -> dict[str, Ints]:
        """Return the classes that one network names for each of its targets, each of shape (n_windows,)."""
        with torch.inference_mode():
            logits = fold.network(torch.from_numpy(np.ascontiguousarray(tokens))).logits
        counts = {target.name: len(target.classes) for target in self.windows.targets}
        return {name: logits[:, t, : counts[name]].argmax(dim=1).numpy() for t, name in enumerate(fold.targets)}

    def network_of(self, subject: int, target: str) -> FoldNetwork | None:
        """Return the network that a whole subject was tested by; None where several share the windows."""
        named = [fold for fold in self._networks if target in fold.targets]
        tested = [fold for fold in named if (self.windows.subject[fold.split.test] == subject).any()]
        return tested[0] if len(tested) == 1 else None

    def _column(self, name: str) -> int:
        return [target.name for target in self.windows.targets].index(name)


def measure_controls(
    dataset: Dataset,
    spec: PreprocessingSpec,
    probe: Probe,
    features: WindowSet,
    scored: ScoredWindows,
    splits: Sequence[Split],
    distances: NDArray[np.float64] | None = None,
) -> list[Controls]:
    """Measure the controls of a protocol, one for each target.

    Parameters
    ----------
    dataset : Dataset
        Where the windows came from.
    spec : PreprocessingSpec
        What made the tokens of the network.
    probe : Probe
        The found subnets.
    features : WindowSet
        The same windows as the reference sees them.
    scored : ScoredWindows
        Predictions of the protocol.
    splits : sequence of Split
        Of the protocol.
    distances : ndarray of float64, shape (n_windows, n_bands), optional
        From rest, as `rest_distances` measures them.
    """
    within = probe.within_subject
    muscle = _muscle(spec, probe)
    found = []
    for t, target in enumerate(probe.windows.targets):
        simple = simple_methods(probe.windows, features, distances, splits, t, spec, within_subject=within)
        first, second = _halves(scored, t, within_subject=within)
        swap = _swap_test(dataset, spec, probe)
        found.append(
            Controls(
                swap=swap,
                muscle_free=muscle and muscle[0][target.name],
                muscle_only=muscle and muscle[1][target.name],
                simple_methods=simple,
                **(_false_alarms(scored, t) if swap is not None else {}),
                first_half=first,
                second_half=second,
            )
        )
    return found


def simple_methods(
    windows: WindowSet,
    features: WindowSet,
    distances: NDArray[np.float64] | None,
    splits: Sequence[Split],
    target: int,
    spec: PreprocessingSpec,
    *,
    within_subject: bool,
) -> dict[str, float]:
    """Score simple methods that a network should not be worse than, by name.

    Parameters
    ----------
    windows, features : WindowSet
        The windows as the network and as the reference see them.
    distances : ndarray of float64, shape (n_windows, n_bands), optional
        From rest, as `rest_distances` measures them.
    splits : sequence of Split
        Of the protocol.
    target : int
        Column of the labels.
    spec : PreprocessingSpec
        What made the windows.
    within_subject : bool
        Whether each subject is scored apart.
    """
    found = artefact_scores(features, splits, target, spec.channels, within_subject=within_subject)
    if isinstance(spec.baseline, RestBaseline) and spec.baseline.kind == "feature":
        found[MEAN_Z] = mean_z_score(windows, splits, target, within_subject=within_subject)
    if distances is not None:
        found[DISTANCE] = distance_score(windows, distances, splits, target, within_subject=within_subject)
    return found


def explanations(controls: Controls, score: float) -> tuple[str, ...]:
    """Say what explains a score: muscle or the distance from rest reach it, or swapped rest is called high.

    A model that passes the swap test reads a direction, so methods that know none do not explain its score.
    """
    found = []
    passed = controls.swap is not None and controls.swap.rest_high <= LARGEST_FALSE_ALARM
    if controls.swap is not None and not passed:
        found.append(
            f"with the beginning of the task as the baseline, rest is called high in {controls.swap.rest_high:.2f} of "
            f"the windows (at most {LARGEST_FALSE_ALARM:.2f}), so it may be change that is read"
        )
    if controls.muscle_only is not None and controls.muscle_only >= score:
        found.append(f"frequencies above {MUSCLE_FROM:g} Hz alone, where muscles are, reach {controls.muscle_only:.3f}")
    for name in () if passed else (MEAN_Z, DISTANCE):
        reached = controls.simple_methods.get(name)
        if reached is not None and reached >= score:
            found.append(f"a line on {name} alone, which has no direction, reaches {reached:.3f}")
    return tuple(found)


def explained(controls: Controls, score: float) -> bool:
    """Return True if there are `explanations` of a score."""
    return bool(explanations(controls, score))


def attributions(spec: PreprocessingSpec, probe: Probe) -> tuple[Attribution, ...]:
    """Measure what each electrode and each band is worth to the found subnets.

    About 500 windows are asked, the same for every electrode and band.
    """
    return attribute(spec, _mean_tokens(probe.windows), lambda change: probe.scores(change, most=_MOST_WINDOWS))


def attribute(
    spec: PreprocessingSpec, mean: Tokens, scores: Callable[[Change], Mapping[str, float]]
) -> tuple[Attribution, ...]:
    """Measure what each electrode and each band is worth: the loss where its tokens are the mean of all windows.

    Parameters
    ----------
    spec : PreprocessingSpec
        What made the tokens.
    mean : ndarray of float32, shape (n_channels, n_features)
        Mean token of each channel.
    scores : callable
        Returns the balanced accuracy of each target, by its name, with tokens changed.
    """

    def without(channel: int | slice, feature: slice) -> Mapping[str, float]:
        def change(tokens: Tokens) -> Tokens:
            changed = tokens.copy()
            changed[:, channel, feature] = mean[channel, feature]
            return changed

        return scores(change)

    whole, everything = scores(lambda tokens: tokens), slice(None)
    bands = spec.token.bands if isinstance(spec.token, LogBandPowerToken) else ()
    channels = {name: without(i, everything) for i, name in enumerate(spec.channels)}
    # The shape of the spectrum, where a token has it, repeats the bands.
    of_bands = {
        f"{low:g}–{high:g} Hz": without(everything, slice(i, None, len(bands))) for i, (low, high) in enumerate(bands)
    }

    def losses(scores_without: Mapping[str, Mapping[str, float]], target: str) -> tuple[Loss, ...]:
        return tuple(Loss(name=name, loss=whole[target] - found[target]) for name, found in scores_without.items())

    return tuple(
        Attribution(target=target, channels=losses(channels, target), bands=losses(of_bands, target))
        for target in whole
    )


def _mean_tokens(windows: WindowSet) -> Tokens:
    """Return the mean token of every channel, (n_channels, n_features), over windows spread evenly."""
    return np.asarray(windows.tokens[:: max(1, len(windows) // 2000)]).mean(axis=0)


def _muscle(spec: PreprocessingSpec, probe: Probe) -> tuple[dict[str, float], dict[str, float]] | None:
    """Return the scores up to 28 Hz and above it, without a band on both sides.

    None where a token is no band power, or has no band on one side.
    """
    if not isinstance(spec.token, LogBandPowerToken):
        return None
    above = np.array([low >= MUSCLE_FROM for low, _ in spec.token.bands])
    below = np.array([high <= MUSCLE_FROM for _, high in spec.token.bands])
    if not above.any() or not below.any():
        return None
    mean = _mean_tokens(probe.windows)

    def without(bands: NDArray[np.bool_]) -> Change:
        return lambda tokens: np.where(bands, mean, tokens).astype(np.float32)

    return probe.scores(without(~below)), probe.scores(without(~above))


def _halves(scored: ScoredWindows, target: int, *, within_subject: bool) -> tuple[float | None, float | None]:
    """Return the balanced accuracy in the first and the second half of the recordings."""
    later = np.zeros(len(scored.trial), dtype=np.bool_)
    for code in np.unique(scored.trial):
        own = np.flatnonzero(scored.trial == code)
        later[own[len(own) // 2 :]] = True
    labels, predicted = scored.labels[:, target], scored.probabilities["found"][target].argmax(axis=1)
    found = []
    for part in (~later, later):
        if len(np.unique(labels[part])) < len(np.unique(labels)):
            return None, None
        apart = scored_apart(labels[part], scored.subject[part], within_subject=within_subject)
        found.append(mean_over(apart, balanced_accuracy, predicted[part], labels[part]))
    return found[0], found[1]


def _false_alarms(scored: ScoredWindows, target: int) -> dict[str, float | tuple[float, ...]]:
    rest = scored.labels[:, target] == 0
    if not rest.any():
        return {}
    high = scored.probabilities["found"][target][rest].argmax(axis=1) == 1
    return {
        "false_alarms": float(high.mean()),
        "false_alarm_course": course_of_false_alarms(high, scored.seconds[rest]),
    }


def course_of_false_alarms(high: NDArray[np.bool_], seconds: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the share of rest that is called high in successive stretches of the recordings; empty for one stretch.

    Parameters
    ----------
    high : ndarray of bool, shape (n_windows,)
        Whether a window of rest is called high.
    seconds : ndarray of float64, shape (n_windows,)
        When it is, in its recording.
    """
    stretch = ((seconds - seconds.min(initial=np.inf)) // COURSE_SECONDS).astype(np.int64)
    found = tuple(float(high[stretch == number].mean()) for number in np.unique(stretch))
    return found if len(found) > 1 else ()


def _swap_test(dataset: Dataset, spec: PreprocessingSpec, probe: Probe) -> SwapTest | None:
    """Ask each person's network with the beginning of the task as rest, where rest is the one label."""
    windows = probe.windows
    if isinstance(spec.baseline, NoBaseline) or len(windows.targets) != 1 or len(windows.targets[0].classes) != 2:
        return None
    name = windows.targets[0].name
    high: tuple[list[bool], list[bool]] = [], []
    for code, subject in enumerate(windows.subjects):
        fold = probe.network_of(code, name)
        if fold is None:
            continue
        for trial in swapped(list(dataset.trials(subject)), name, spec.baseline.samples / spec.rate):
            tokens, _ = trial_windows(trial, spec)
            high[trial.labels[name]].extend((probe.predict(fold, tokens)[name] == 1).tolist())
    if not all(high):
        return None
    return SwapTest(rest_high=float(np.mean(high[0])), task_high=float(np.mean(high[1])))
