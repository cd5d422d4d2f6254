"""The methods of a run side by side: the found subnets against every baseline, tested over people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from bci_app.bundle.spec import TargetScore
from offline.metrics import Predictions, balanced_accuracy
from offline.protocols import protocol_named
from offline.run.record import REFERENCE, RunRecord, ScoredWindows
from offline.run.scores import predictions_of
from offline.statistics import chance_level, compare_methods, own_scores

FOUND = "found"


class Frozen(BaseModel):
    """Part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MethodFigures(Frozen):
    """One method under one protocol.

    Attributes
    ----------
    kind, title : str
        As predictions are kept, and for tables.
    score : TargetScore
        Over windows.
    trial_balanced_accuracy : float
        Of the mean probability over each whole trial.
    chance, chance_upper, chance_p : float
        Mean and 95 % quantile of the balanced accuracy under permuted labels, and how often they reach the true one.
    people : dict of str to float
        Each person's own balanced accuracy.
    difference, effect, p_holm, p_wilcoxon : float or None
        The found subnets less this method, paired over people; p of a permutation test after Holm's correction over
        the methods, and of Wilcoxon's test. None for the found subnets themselves, and for fewer than two people.
    """

    kind: str
    title: str
    score: TargetScore
    trial_balanced_accuracy: float
    chance: float
    chance_upper: float
    chance_p: float
    people: dict[str, float]
    difference: float | None = None
    effect: float | None = None
    p_holm: float | None = None
    p_wilcoxon: float | None = None


def method_titles(record: RunRecord) -> dict[str, str]:
    """Return the methods of a run by the kind of their predictions."""
    others = {baseline.name: baseline.title for baseline in record.baselines}
    return {FOUND: record.networks_title, REFERENCE: record.reference_method, **others}


def method_figures(
    record: RunRecord,
    protocol: str,
    tested: ScoredWindows,
    scores: Mapping[str, Sequence[TargetScore]],
    target: int,
    *,
    within_subject: bool,
) -> tuple[MethodFigures, ...]:
    """Set the methods of a run side by side for one target."""
    titles = {kind: title for kind, title in method_titles(record).items() if kind in tested.probabilities}
    predictions = {kind: predictions_of(tested, kind, target, within_subject=within_subject) for kind in titles}
    own = {kind: _people(record, each) for kind, each in predictions.items()}
    others = {kind: people for kind, people in own.items() if kind != FOUND}
    compared = {each.method: each for each in compare_methods(own[FOUND], others)}
    found = []
    for kind, title in titles.items():
        each = predictions[kind]
        by_chance = chance_level(
            each.probabilities.argmax(axis=1), each.labels, each.subject, _unit(protocol, each.trial)
        )
        beside = compared.get(kind)
        found.append(
            MethodFigures(
                kind=kind,
                title=title,
                score=scores[kind][target],
                trial_balanced_accuracy=_by_trial(each),
                chance=by_chance.mean,
                chance_upper=by_chance.upper,
                chance_p=by_chance.p,
                people=own[kind],
                difference=beside.difference if beside else None,
                effect=beside.effect if beside else None,
                p_holm=beside.p_holm if beside else None,
                p_wilcoxon=beside.p_wilcoxon if beside else None,
            )
        )
    return tuple(found)


def _people(record: RunRecord, predictions: Predictions) -> dict[str, float]:
    scores = own_scores(predictions.probabilities.argmax(axis=1), predictions.labels, predictions.subject)
    return {record.subjects[code]: score for code, score in scores.items()}


def _unit(protocol: str, trial: np.ndarray) -> np.ndarray:
    """Return what labels are exchanged between: whole trials, or windows where the protocol shuffles them."""
    return np.arange(len(trial)) if protocol_named(protocol).leaks else trial


def _by_trial(predictions: Predictions) -> float:
    """Return the balanced accuracy of the mean probability over each trial."""
    trials, first, of_window = np.unique(predictions.trial, return_index=True, return_inverse=True)
    total = np.zeros((len(trials), predictions.probabilities.shape[1]))
    np.add.at(total, of_window, predictions.probabilities)
    return balanced_accuracy(total.argmax(axis=1), predictions.labels[first])
