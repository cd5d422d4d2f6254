"""From the study of an elastic head to its bundle: scores for each montage, controls, thresholds, domain statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bci_app.bundle import LoadedBundle, load_bundle, require_replaceable
from bci_app.bundle.conformal import Conformal, fit_conformal
from bci_app.bundle.domain import DomainStatistics, domain_points, fit_domain
from bci_app.bundle.spec import (
    Attribution,
    Bundle,
    Controls,
    Electrode,
    MontageScore,
    Provenance,
    SimpleArchitecture,
    Smoothing,
    SwapTest,
    Target,
    TargetScore,
)
from bci_app.bundle.store import sha256
from bci_app.montage.headsets import HEADSETS
from bci_app.preprocessing.artefact import ArtefactRule
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.datasets.base import Dataset, DatasetInfo
from offline.elastic.head import elastic_graph
from offline.elastic.sessions import MONTAGES, MUSCLE_BANDS, Person, load_preprocessing, nearest, read_people
from offline.elastic.study import (
    Chosen,
    ElasticSettings,
    HeldOut,
    Summary,
    balanced,
    cross_validate,
    fit_folds,
    fit_people,
    joined,
    measure_attribution,
    predict_held_out,
    simple_scores,
    standard,
    summarise,
    swapped,
)
from offline.export import write_checked
from offline.run.card import NOT_MEDICAL, software, today
from offline.run.controls import explained
from offline.run.shipping import golden_excerpt

ANY_OF = (8, 4)
"""Numbers of electrodes of the largest montage that are scored whichever they are."""

DRAWS = 5
"""Random choices of so many electrodes, the same for all people."""

METHOD = "log band power (7 bands, 4–28 Hz) against rest, carried to 19 places, and logistic regression"

ARTEFACTS = ArtefactRule(peak_to_peak=300.0, muscle=2.0)
"""Limits that one window in a hundred of EEGMAT or fewer breaks."""

MAX_RATE_ERROR = 0.02
MIN_CHANNELS = 4
_DOMAIN_SHARE = 0.99

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """People, and the predictions on them when they were held out, for each montage.

    Attributes
    ----------
    info : DatasetInfo
        The data set.
    people : dict of str to list of Person
        The same people with the electrodes of each montage.
    found : dict of str to HeldOut
        For each montage, and for any so many electrodes, the standard sessions; under ``NAME swapped`` the swapped.
    settings : ElasticSettings
        How heads were fitted.
    muscle_only : float
        Balanced accuracy of the same method with 28–45 Hz alone.
    simple : dict of str to float
        Balanced accuracy of simple methods on the same windows.
    retrained : dict of str to Summary
        What heads reach that are fitted to the electrodes of one of the smaller montages alone.
    attribution : Attribution
        What each electrode and band of the largest montage is worth.
    """

    info: DatasetInfo
    people: Mapping[str, Sequence[Person]]
    found: Mapping[str, HeldOut]
    settings: ElasticSettings
    muscle_only: float
    simple: Mapping[str, float]
    retrained: Mapping[str, Summary]
    attribution: Attribution

    def summary(self, montage: str) -> Summary:
        """Summarise the standard sessions of a montage."""
        return summarise(self.found[montage], self.settings)

    def controls(self, montage: str) -> Controls:
        """Return the controls of a montage; the model itself reads nothing above 28 Hz."""
        score, swap = self.summary(montage), summarise(self.found[_swapped(montage)], self.settings)
        whole = montage == MONTAGES[0]
        return Controls(
            swap=SwapTest(rest_high=swap.rest_high, task_high=swap.task_high),
            muscle_free=score.balanced,
            muscle_only=self.muscle_only if whole else None,
            simple_methods=dict(self.simple) if whole else {},
            false_alarms=score.rest_high,
            false_alarm_course=score.false_alarm_course,
            first_half=score.first_half,
            second_half=score.second_half,
        )


def _swapped(montage: str) -> str:
    return f"{montage} swapped"


def any_of(number: int) -> str:
    """Return the name of a choice of so many electrodes; thresholds are those of no known montage."""
    return f"any {number} of {MONTAGES[0]}"


def run_study(dataset: Dataset, settings: ElasticSettings, *, progress: Progress) -> Study:
    """Score an elastic head on people held out, with the electrodes of each headset and its controls.

    A headset's electrodes that the data set lacks are stood for by the nearest ones.
    """
    channels = dataset.info.channels
    people: dict[str, list[Person]] = {}
    for name in MONTAGES:
        progress(f"recordings for {name}")
        used = channels if name == MONTAGES[0] else nearest(HEADSETS[name].channels, channels)
        people[name] = read_people(dataset, load_preprocessing(used))
    tests: dict[str, tuple[Sequence[Person], Chosen]] = {}
    for name, found in people.items():
        tests |= {name: (found, standard), _swapped(name): (found, swapped)}
    chosen = _choices(channels)
    for name, drawn in chosen.items():
        for draw, electrodes in enumerate(drawn):
            progress(f"recordings for {name}, {draw + 1} of {len(drawn)}")
            found = read_people(dataset, load_preprocessing(electrodes))
            tests |= {f"{name} {draw}": (found, standard), f"{_swapped(name)} {draw}": (found, swapped)}
    progress("cross-validation")
    whole = people[MONTAGES[0]]
    folds = fit_folds(whole, settings)
    held_out = predict_held_out(folds, tests)
    for name, drawn in chosen.items():
        for of in (name, _swapped(name)):
            held_out[of] = joined([held_out.pop(f"{of} {draw}") for draw in range(len(drawn))])
    retrained = {}
    for name in MONTAGES[1:]:
        progress(f"heads fitted to {name} alone")
        alone = cross_validate(people[name], settings, {name: (people[name], standard)})[name]
        retrained[name] = summarise(alone, settings)
    progress("28 to 45 Hz alone")
    muscle = read_people(dataset, load_preprocessing(channels, MUSCLE_BANDS))
    alone = cross_validate(muscle, settings, {"muscle": (muscle, standard)})["muscle"]
    progress("simple methods")
    simple = simple_scores(dataset, settings)
    progress("electrodes and bands left out")
    read_from = measure_attribution(whole, folds, dataset.info.targets[0].name)
    return Study(dataset.info, people, held_out, settings, balanced(alone), simple, retrained, read_from)


def _choices(channels: Sequence[str]) -> dict[str, list[tuple[str, ...]]]:
    """Return random choices of electrodes by the name of their montage."""
    rng = np.random.default_rng(0)
    return {
        any_of(number): [
            tuple(channels[k] for k in np.sort(rng.choice(len(channels), number, replace=False))) for _ in range(DRAWS)
        ]
        for number in ANY_OF
    }


def ship_study(study: Study, dataset: Dataset, folder: Path, *, command: str, note: str = "") -> LoadedBundle:
    """Fit the head to all people and write its bundle, whose card says the note among its limitations."""
    require_replaceable(folder)
    whole = study.people[MONTAGES[0]]
    head = fit_people(whole, study.settings)
    model = elastic_graph(head)
    spec = load_preprocessing(study.info.channels).model_copy(update={"artefact": ARTEFACTS})
    target = study.info.targets[0].model_copy(update={"conformal": tuple(_conformal(study))})
    bundle = Bundle(
        name=folder.name,
        title=study.info.bundle_title or study.info.title,
        not_for_people=study.info.synthetic,
        model_sha256=sha256(model),
        model_bytes=len(model),
        preprocessing=spec,
        montage="elastic",
        electrodes=Electrode.of_channels(spec.channels),
        min_channels=MIN_CHANNELS,
        targets=(target,),
        embedding_dim=spec.n_features,
        smoothing=Smoothing(windows=study.settings.rolling),
        max_bad_share=0.5,
        bad_channels="leave out",
        domain=tuple(_domain(study)),
        max_rate_error=MAX_RATE_ERROR,
        architecture=(
            SimpleArchitecture(kind="linear", targets=(target.name,), method=METHOD, parameters=head.weights.size + 1),
        ),
        provenance=_card(study, target, spec, command, note),
    )
    trained = [person.name for person in whole]
    excerpt = golden_excerpt(dataset, spec, trained)
    write_checked(folder, bundle, model, excerpt)
    return load_bundle(folder)


def _conformal(study: Study) -> list[Conformal]:
    """Return thresholds of each montage; those of the smallest one stand for electrodes of no known montage."""
    found = []
    for name in (*MONTAGES, None):
        of = study.found[name or MONTAGES[-1]]
        rolled = of.rolled(study.settings.rolling)
        found.append(fit_conformal(rolled, of.labels, coverage=study.settings.coverage, montage=name))
    return found


def _domain(study: Study) -> list[DomainStatistics]:
    """Return where the tokens of half of the people lie with each montage, and how far the others lie from them."""
    found = []
    for name in MONTAGES:
        points = [
            domain_points("tokens", tokens, np.empty((len(tokens), 0), dtype=np.float32))
            for tokens in (person.standard.tokens for person in study.people[name])
        ]
        half, others = np.concatenate(points[::2]), np.concatenate(points[1::2])
        found.append(fit_domain(half, others, of="tokens", share=_DOMAIN_SHARE, montage=name))
    return found


def _card(study: Study, target: Target, spec: PreprocessingSpec, command: str, note: str) -> Provenance:
    info, settings = study.info, study.settings
    whole = study.summary(MONTAGES[0])
    controls = study.controls(MONTAGES[0])
    return Provenance(
        dataset=info.title,
        dataset_source=info.source,
        licence=info.licence,
        synthetic=info.synthetic,
        train_subjects=tuple(person.name for person in study.people[MONTAGES[0]]),
        protocol="subjects",
        protocol_description=(
            f"People are divided into {settings.folds} folds, in {settings.seeds} ways; each head is scored on people "
            "that it was not fitted to, each with the electrodes named (of a headset's electrodes that were not "
            "recorded, the nearest ones; of any 8 or 4, five random choices). Figures are means over the ways. "
            "The head in this bundle is fitted the same way to all people. Conformal thresholds come from the same "
            "people held out."
        ),
        scores=(
            TargetScore(
                target=target.name,
                balanced_accuracy=whole.balanced,
                accuracy=whole.accuracy,
                majority_baseline=_majority(study),
                n_windows=whole.windows,
                rolling_balanced_accuracy=whole.rolling,
                rolling_seconds=spec.window_seconds + (settings.rolling - 1) * spec.hop_seconds,
                expected_calibration_error=whole.calibration_error,
                interval=whole.interval,
                controls=controls,
                explained_by_controls=explained(controls, whole.balanced),
                answers=whole.answers,
            ),
        ),
        attributions=(study.attribution,),
        montages=(
            *(_montage_score(study, target, name) for name in MONTAGES),
            *(_montage_score(study, target, any_of(number), number) for number in ANY_OF),
        ),
        intended_use=info.intended_use,
        limitations=" ".join(filter(None, (info.limitations, note, NOT_MEDICAL))),
        created=today(),
        command=command,
        software=software(),
    )


def _majority(study: Study) -> float:
    labels = study.found[MONTAGES[0]].labels
    return float(np.bincount(labels).max() / len(labels))


def _montage_score(study: Study, target: Target, name: str, number: int | None = None) -> MontageScore:
    found, controls = study.summary(name), study.controls(name)
    return MontageScore(
        montage=name,
        electrodes=study.info.channels if number else HEADSETS[name].channels,
        any_of=number,
        target=target.name,
        balanced_accuracy=found.balanced,
        interval=found.interval,
        rolling_balanced_accuracy=found.rolling,
        n_windows=found.windows,
        controls=controls,
        explained_by_controls=explained(controls, found.balanced),
        answers=found.answers,
    )
