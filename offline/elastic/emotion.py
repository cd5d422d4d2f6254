"""The model of simulated emotion that ships: fitted to simulated people with five headsets, scored on others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle import LoadedBundle, load_bundle, require_replaceable
from bci_app.bundle.conformal import Conformal, fit_conformal
from bci_app.bundle.domain import DomainStatistics, domain_points, fit_domain
from bci_app.bundle.spec import (
    Answered,
    Attribution,
    Bundle,
    Electrode,
    MontageScore,
    Provenance,
    SimpleArchitecture,
    Smoothing,
    Target,
    TargetScore,
)
from bci_app.bundle.store import sha256
from bci_app.montage.headsets import HEADSETS
from bci_app.preprocessing import PreprocessingSpec
from bci_app.preprocessing.spec import BandPass, LogBandPowerToken, RestBaseline
from offline.datasets import make_windows
from offline.datasets.simulated import FIRST_PERSON, RATE, Simulated, Simulation
from offline.elastic.moments import MomentHead, moment_graph, moments
from offline.elastic.sessions import MONTAGES, positions_of
from offline.elastic.study import answers_of
from offline.export import write_checked
from offline.metrics import (
    accuracy,
    balanced_accuracy,
    expected_calibration_error,
    grouped_interval,
    majority_baseline,
    rolling_mean,
)
from offline.presets import BANDS
from offline.run.card import NOT_MEDICAL, software, today
from offline.run.controls import Change, attribute
from offline.run.shipping import golden_excerpt

EFFECT = 1.5
TRIALS = 12
_INVERSE_PENALTY = 0.02
_ROLLING = 10
_COVERAGE = 0.9
_DOMAIN_SHARE = 0.99
_METHOD = "log band power (9 bands) against rest, moments over the head, and logistic regression"
_LIMITATIONS = (
    "Trained on simulated people: it knows nothing about people, and what it says about them means nothing. "
    f"The planted effect is {EFFECT:g} standard deviations of log band power. "
)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Windows:
    """Windows of people with one headset.

    Attributes
    ----------
    people : tuple of str
        Names.
    tokens : ndarray of float32, shape (n_windows, n_electrodes, n_features)
        Network input.
    inputs : ndarray of float64, shape (n_windows, n_inputs)
        Their moments.
    points : ndarray of float64, shape (n_windows, n_features)
        What the domain check looks at.
    labels, person, trial : ndarray of int64
        Classes (n_windows, n_targets); whose and of which trial each window is (n_windows,).
    """

    people: tuple[str, ...]
    tokens: NDArray[np.float32]
    inputs: NDArray[np.float64]
    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    person: NDArray[np.int64]
    trial: NDArray[np.int64]


def emotion_preprocessing(channels: Sequence[str]) -> PreprocessingSpec:
    """Return log band power of 4-s windows, z-scored against 30 s of rest, without a common reference."""
    return PreprocessingSpec(
        channels=tuple(channels),
        rate=RATE,
        steps=(BandPass(low=1, high=60),),
        warm_up=RATE,
        window=4 * RATE,
        hop=RATE,
        token=LogBandPowerToken(bands=BANDS, sine_tapers=10),
        baseline=RestBaseline(kind="feature", samples=30 * RATE),
    )


def read_windows(simulation: Simulation) -> Windows:
    """Simulate people and make their windows."""
    dataset = Simulated(simulation)
    made = make_windows(dataset, emotion_preprocessing(simulation.channels))
    inputs = moments(made.tokens, positions_of(simulation.channels))
    points = domain_points("tokens", made.tokens, np.empty((len(made), 0), dtype=np.float32))
    return Windows(made.subjects, np.asarray(made.tokens), inputs, points, made.labels, made.subject, made.trial)


@dataclass(frozen=True)
class Scores:
    """Figures of one target on people held out: per window, rolling over 10 windows, over people, calibration, sets."""

    balanced: float
    rolling: float
    interval: tuple[float, float] | None
    calibration_error: float
    accuracy: float
    majority: float
    n_windows: int
    answers: Answered
    conformal: Conformal


def score(head: MomentHead, windows: Windows, target: int, montage: str) -> Scores:
    """Score one target of a head on windows of people that it was not fitted to."""
    second, truth = head.probability(windows.inputs)[:, target], windows.labels[:, target]
    probability = np.stack([1 - second, second], axis=1)
    found = probability.argmax(axis=1)
    rolled = rolling_mean(probability, windows.trial, _ROLLING)
    return Scores(
        balanced=balanced_accuracy(found, truth),
        rolling=balanced_accuracy(rolled.argmax(axis=1), truth),
        interval=grouped_interval(found, truth, windows.person, windows.trial),
        calibration_error=expected_calibration_error(probability, truth),
        accuracy=accuracy(found, truth),
        majority=majority_baseline(truth),
        n_windows=len(truth),
        answers=answers_of(rolled, truth, windows.person, _COVERAGE),
        conformal=fit_conformal(rolled, truth, coverage=_COVERAGE, montage=montage),
    )


def measure_attributions(head: MomentHead, windows: Windows, simulation: Simulation) -> tuple[Attribution, ...]:
    """Measure what each electrode and band is worth to a head, on people that it was not fitted to."""
    targets = Simulated(simulation).info.targets
    spec, positions = emotion_preprocessing(simulation.channels), positions_of(simulation.channels)

    def scores(change: Change) -> dict[str, float]:
        called = (head.probability(moments(change(windows.tokens), positions)) > 0.5).astype(np.int64)
        return {each.name: balanced_accuracy(called[:, t], windows.labels[:, t]) for t, each in enumerate(targets)}

    return attribute(spec, windows.tokens.mean(axis=0), scores)


@dataclass(frozen=True)
class Study:
    """A head, who it was fitted to, and its scores.

    Attributes
    ----------
    head : MomentHead
        Fitted.
    trained, tested : tuple of str
        People.
    scores : dict of str to tuple of Scores
        For each headset the scores of each target on people held out.
    without_effect : tuple of Scores
        The same on people with the largest headset and no planted effect, which must be chance.
    attributions : tuple of Attribution
        Of the targets, with the largest headset.
    domain : tuple of DomainStatistics
        For each headset, of the people that the head was fitted to, with a threshold from the others.
    """

    head: MomentHead
    trained: tuple[str, ...]
    tested: tuple[str, ...]
    scores: dict[str, tuple[Scores, ...]]
    without_effect: tuple[Scores, ...]
    attributions: tuple[Attribution, ...]
    domain: tuple[DomainStatistics, ...]


def run_study(*, people: int, held_out: int, progress: Progress) -> Study:
    """Fit a head to people with each headset, and score it on others.

    Parameters
    ----------
    people, held_out : int
        People with each headset for fitting and for scoring.
    progress : callable
        Called with what is being done.
    """
    training, tested, tests, first = [], {}, {}, FIRST_PERSON
    for name in MONTAGES:
        progress(f"people with {name}")
        common = {"trials": TRIALS, "effect": EFFECT, "montage": name}
        training.append(read_windows(Simulation(people=people, first=first, **common)))
        tested[name] = Simulation(people=held_out, first=first + people, **common)
        tests[name] = read_windows(tested[name])
        first += people + held_out
    progress("people without an effect")
    none = read_windows(Simulation(people=held_out, trials=TRIALS, effect=0.0, montage=MONTAGES[0], first=first))
    inputs, labels = (np.concatenate([getattr(part, name) for part in training]) for name in ("inputs", "labels"))
    head = MomentHead.fit(inputs, labels, inverse_penalty=_INVERSE_PENALTY)
    targets = range(labels.shape[1])
    return Study(
        head,
        trained=tuple(name for part in training for name in part.people),
        tested=tuple(name for part in tests.values() for name in part.people),
        scores={name: tuple(score(head, part, target, name) for target in targets) for name, part in tests.items()},
        without_effect=tuple(score(head, none, target, MONTAGES[0]) for target in targets),
        attributions=measure_attributions(head, tests[MONTAGES[0]], tested[MONTAGES[0]]),
        domain=tuple(
            fit_domain(known.points, other.points, of="tokens", share=_DOMAIN_SHARE, montage=name)
            for known, (name, other) in zip(training, tests.items(), strict=True)
        ),
    )


def ship_study(study: Study, folder: Path, *, command: str) -> LoadedBundle:
    """Write the bundle of a study."""
    require_replaceable(folder)
    dataset = Simulated(Simulation(effect=EFFECT))
    targets, model = _with_sets(study, dataset.info.targets), moment_graph(study.head)
    spec = emotion_preprocessing(dataset.info.channels)
    bundle = Bundle(
        name=folder.name,
        title=f"Synthetic {'–'.join(target.title for target in targets)} (not for use on people)",
        not_for_people=True,
        model_sha256=sha256(model),
        model_bytes=len(model),
        preprocessing=spec,
        montage="elastic",
        electrodes=Electrode.of_channels(spec.channels),
        min_channels=4,
        targets=targets,
        embedding_dim=study.head.weights.shape[1],
        smoothing=Smoothing(windows=_ROLLING),
        max_bad_share=0.5,
        bad_channels="leave out",
        domain=study.domain,
        architecture=(
            SimpleArchitecture(
                kind="linear",
                targets=tuple(target.name for target in targets),
                method=_METHOD,
                parameters=study.head.weights.size + len(targets),
            ),
        ),
        provenance=_card(study, targets, spec, command),
    )
    write_checked(folder, bundle, model, golden_excerpt(dataset, spec, study.trained))
    return load_bundle(folder)


def _with_sets(study: Study, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return targets with conformal thresholds of each headset; the smallest one's are those of every other montage."""
    found = []
    for number, target in enumerate(targets):
        known = [study.scores[name][number].conformal for name in MONTAGES]
        other = known[-1].model_copy(update={"montage": None})
        found.append(target.model_copy(update={"conformal": (*known, other)}))
    return tuple(found)


def _card(study: Study, targets: Sequence[Target], spec: PreprocessingSpec, command: str) -> Provenance:
    info = Simulated(Simulation(effect=EFFECT)).info
    chance = ", ".join(
        f"{target.title} {found.balanced:.2f}" for target, found in zip(targets, study.without_effect, strict=True)
    )
    return Provenance(
        dataset=info.title,
        dataset_source=info.source,
        licence=info.licence,
        synthetic=True,
        train_subjects=study.trained,
        held_out_subjects=study.tested,
        protocol="subjects",
        protocol_description=(
            f"Fitted to {len(study.trained)} simulated people, and scored on {len(study.tested)} others; people wear "
            f"one of {', '.join(MONTAGES)}. Balanced accuracy on {len(study.tested) // len(MONTAGES)} people without "
            f"an effect: {chance}."
        ),
        scores=tuple(
            TargetScore(
                target=target.name,
                balanced_accuracy=found.balanced,
                accuracy=found.accuracy,
                majority_baseline=found.majority,
                n_windows=found.n_windows,
                rolling_balanced_accuracy=found.rolling,
                rolling_seconds=spec.window_seconds + (_ROLLING - 1) * spec.hop_seconds,
                expected_calibration_error=found.calibration_error,
                interval=found.interval,
                answers=found.answers,
            )
            for target, found in zip(targets, study.scores[MONTAGES[0]], strict=True)
        ),
        attributions=study.attributions,
        montages=tuple(
            MontageScore(
                montage=name,
                electrodes=HEADSETS[name].channels,
                target=target.name,
                balanced_accuracy=found.balanced,
                interval=found.interval,
                rolling_balanced_accuracy=found.rolling,
                n_windows=found.n_windows,
                answers=found.answers,
            )
            for name in MONTAGES
            for target, found in zip(targets, study.scores[name], strict=True)
        ),
        intended_use="Trying out the software. Not for use on people.",
        limitations=_LIMITATIONS + NOT_MEDICAL,
        created=today(),
        command=command,
        software=software(),
    )
