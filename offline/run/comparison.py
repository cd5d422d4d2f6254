"""Whether the search of a protocol's networks was worth anything: the found subnets beside their controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from offline.datasets.base import WindowSet
from offline.metrics import balanced_accuracy
from offline.run.fold import RIVALS, SUBNET, FoldResult, Task
from offline.statistics import compare_methods, own_scores

_LEAST = 7
"""People or folds from which a test can find something: with fewer, no p is below 0.05 after the correction."""

ALPHA = 0.05
"""Differences of a larger p are taken for chance."""


class SearchRival(BaseModel):
    """A control of the search beside the found subnets.

    Attributes
    ----------
    kind : {"random", "largest", "median"}
        The best of as many random subnets, the largest subnet, or one of median size.
    parameters, balanced_accuracy : float
        Means over networks, and over people or folds.
    difference, p : float
        The found subnets less this; p of a paired permutation test after Holm's correction, None where there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    parameters: float
    balanced_accuracy: float
    difference: float
    p: float | None

    @property
    def title(self) -> str:
        """What it is called in tables."""
        return RIVALS[self.kind]

    @property
    def beaten(self) -> bool:
        """True if the found subnets are better than this, and not by chance."""
        return self.p is not None and self.p < ALPHA and self.difference > 0


class SearchComparison(BaseModel):
    """What the search was worth for a target under a protocol.

    Attributes
    ----------
    target : str
        The target.
    over : {"people", "folds"}
        What was paired; folds where people are fewer than seven.
    units : int
        How many of them.
    found, parameters, evaluations : float
        Balanced accuracy and size of the found subnets, and evaluations of a random search.
    rivals : tuple of SearchRival
        The controls, fine-tuned and calibrated as the found subnets are.
    sample : int
        Random subnets that were trained by themselves, in each network.
    tau, tau_of_size : float
        Kendall's tau-b of inherited validation accuracy, and of the number of parameters, with the test score of these
        subnets after fine-tuning; means over networks.
    tau_p : float or None
        Of a paired permutation test over networks of one against the other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    over: Literal["people", "folds"]
    units: int
    found: float
    parameters: float
    evaluations: float
    rivals: tuple[SearchRival, ...]
    sample: int
    tau: float
    tau_of_size: float
    tau_p: float | None

    @property
    def worth(self) -> bool:
        """True if the found subnets beat a control, or inherited weights rank subnets better than their size does."""
        ranks = self.tau_p is not None and self.tau_p < ALPHA and self.tau > self.tau_of_size
        return ranks or any(rival.beaten for rival in self.rivals)

    @property
    def verdict(self) -> str:
        """What the search was worth, in a sentence."""
        beaten = [rival.title for rival in self.rivals if rival.beaten]
        if beaten:
            return f"The found subnet is better than: {', '.join(beaten)}."
        if self.worth:
            return "The found subnet beats none of its controls; inherited weights rank subnets better than size does."
        behind = all(rival.difference <= 0 for rival in self.rivals) and self.tau <= self.tau_of_size
        if self.units < _LEAST and not behind:
            return f"There are too few {self.over} ({self.units}) to test what the search was worth."
        return (
            "The search was worth nothing here: the found subnet is no better than a random search, the largest "
            "subnet or one of median size, and inherited weights rank subnets no better than their size does."
        )


def compare_search(
    windows: WindowSet, results: Sequence[tuple[Task, FoldResult]], target: int
) -> SearchComparison | None:
    """Compare the found subnets of a protocol with the controls of their searches, for one target.

    Parameters
    ----------
    windows : WindowSet
        All windows.
    results : sequence of Task and FoldResult
        The networks of the protocol.
    target : int
        Column of the labels.

    Returns
    -------
    SearchComparison or None
        None where the searches were not compared.
    """
    name = windows.targets[target].name
    folds = [(task, result) for task, result in results if name in task.targets]
    controls = [result.summary.search_controls for _, result in folds]
    known = [each for each in controls if each is not None]
    if not known or len(known) < len(folds):
        return None
    by_people = {kind: _by_people(windows, folds, target, kind) for kind in (SUBNET, *RIVALS)}
    by_folds = {kind: _by_folds(windows, folds, target, kind) for kind in (SUBNET, *RIVALS)}
    people = len(by_people[SUBNET]) >= _LEAST
    own: Mapping[str, Mapping[int, float]] = by_people if people else by_folds
    tests = {each.method: each for each in compare_methods(own[SUBNET], {kind: own[kind] for kind in RIVALS})}
    ranked = [
        (_tau([s.inherited for s in each.sample], alone), _tau([s.parameters for s in each.sample], alone))
        for each in known
        for alone in [[s.alone for s in each.sample]]
    ]
    ranks = compare_methods(
        {n: tau for n, (tau, _) in enumerate(ranked)}, {"parameters": {n: null for n, (_, null) in enumerate(ranked)}}
    )
    return SearchComparison(
        target=windows.targets[target].title,
        over="people" if people else "folds",
        units=len(own[SUBNET]),
        found=_mean(own[SUBNET]),
        parameters=float(np.mean([result.summary.parameters for _, result in folds])),
        evaluations=float(np.mean([each.evaluations for each in known])),
        rivals=tuple(
            SearchRival(
                kind=kind,
                parameters=float(np.mean([each.parameters[kind] for each in known])),
                balanced_accuracy=_mean(own[kind]),
                difference=_mean(own[SUBNET]) - _mean(own[kind]),
                p=tests[kind].p_holm if kind in tests else None,
            )
            for kind in RIVALS
        ),
        sample=len(known[0].sample),
        tau=float(np.mean([tau for tau, _ in ranked])),
        tau_of_size=float(np.mean([null for _, null in ranked])),
        tau_p=ranks[0].p_permutation if ranks else None,
    )


def _by_people(
    windows: WindowSet, folds: Sequence[tuple[Task, FoldResult]], target: int, kind: str
) -> dict[int, float]:
    predicted = [_predicted(windows, result, target, kind) for _, result in folds]
    index = np.concatenate([task.split.test for task, _ in folds])
    return own_scores(np.concatenate(predicted), windows.labels[index, target], windows.subject[index])


def _by_folds(windows: WindowSet, folds: Sequence[tuple[Task, FoldResult]], target: int, kind: str) -> dict[int, float]:
    return {
        number: balanced_accuracy(_predicted(windows, result, target, kind), windows.labels[task.split.test, target])
        for number, (task, result) in enumerate(folds)
    }


def _predicted(windows: WindowSet, result: FoldResult, target: int, kind: str) -> np.ndarray:
    column = result.summary.targets.index(windows.targets[target].name)
    classes = len(windows.targets[target].classes)
    return np.asarray(result.logits[kind][:, column, :classes].argmax(axis=1))


def _mean(scores: Mapping[int, float]) -> float:
    return float(np.mean(list(scores.values())))


def _tau(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Kendall's tau-b; 0 where one side does not rank at all."""
    from scipy.stats import kendalltau

    if len(set(first)) < 2 or len(set(second)) < 2:
        return 0.0
    return float(kendalltau(first, second).statistic)
