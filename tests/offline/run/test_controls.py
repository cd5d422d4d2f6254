"""The controls show what a network reads, on networks that read one known thing."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from bci_app.bundle.spec import Controls, SwapTest, Target
from bci_app.preprocessing.spec import LogBandPowerToken, PreprocessingSpec, RestBaseline
from offline.baselines.artefacts import ARTEFACTS_ONLY, ARTEFACTS_REMOVED, artefact_scores
from offline.baselines.distance import rest_distances
from offline.datasets.base import Split, Trial, WindowSet
from offline.datasets.windows import make_windows
from offline.run.bad_channels import FoldNetwork
from offline.run.controls import MEAN_Z, Probe, attributions, course_of_false_alarms, explained, measure_controls
from offline.run.record import ScoredWindows

CHANNELS = ("Fp1", "Cz", "Pz")
SPEC = PreprocessingSpec(
    channels=CHANNELS, rate=128, window=128, hop=128, token=LogBandPowerToken(bands=((4, 8), (8, 13), (30, 45))),
    baseline=RestBaseline(kind="feature", samples=30 * 128),
)  # fmt: skip
N = 240


def windows(informative: tuple[int, int], n_bands: int = 3) -> WindowSet:
    """Windows of six people whose one channel has another power in class 1 in one band."""
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], N // 2)
    tokens = rng.standard_normal((N, 3, n_bands)).astype(np.float32)
    tokens[:, informative[0], informative[1]] += 4 * labels - 2
    zeros = np.arange(N) // 40
    return WindowSet(
        tokens, labels[:, None], (Target(name="load", classes=("low", "high")),), zeros, zeros, np.arange(N) // 20,
        tuple(f"s{i}" for i in range(6)), np.arange(N), np.arange(N, dtype=np.float64),
    )  # fmt: skip


class Reads(torch.nn.Module):
    """A network that reads one feature of one channel."""

    def __init__(self, channel: int, band: int) -> None:
        super().__init__()
        self.place = channel, band

    def forward(self, tokens: torch.Tensor) -> Any:
        read = tokens[:, self.place[0], self.place[1]]
        return SimpleNamespace(logits=torch.stack([-read, read], dim=1)[:, None])


def probe(made: WindowSet, channel: int, band: int) -> tuple[Probe, Split]:
    split = Split("fold01", np.arange(0, 80), np.arange(80, 120), np.arange(120, N))
    network = FoldNetwork(cast(Any, Reads(channel, band)), split, ("load",))
    return Probe(made, [network], within_subject=False), split


def test_attribution_finds_the_channel_and_the_band_that_are_read() -> None:
    asked, _ = probe(windows((1, 2)), 1, 2)
    (found,) = attributions(SPEC, asked)
    assert {each.name: each.loss > 0.3 for each in found.channels} == {"Fp1": False, "Cz": True, "Pz": False}
    assert [each.loss > 0.3 for each in found.bands] == [False, False, True]
    assert found.bands[2].name == "30–45 Hz"


@pytest.mark.parametrize(("band", "muscle"), [(2, True), (0, False)])
def test_a_network_that_reads_muscle_is_at_chance_without_it(band: int, muscle: bool) -> None:
    made = windows((1, band))
    asked, split = probe(made, 1, band)
    tested = split.test
    scored = ScoredWindows(
        made.labels[tested], made.subject[tested], made.trial[tested], made.seconds[tested],
        {"found": [np.eye(2)[made.labels[tested, 0]]]},
    )  # fmt: skip
    nobody = cast(Any, SimpleNamespace(trials=lambda _: iter(())))
    (found,) = measure_controls(nobody, SPEC, asked, windows((1, 0), 4), scored, [split])
    assert found.muscle_free is not None
    assert found.muscle_only is not None
    assert (found.muscle_free < 0.6, found.muscle_only > 0.9) == (muscle, muscle)
    assert (found.first_half, found.second_half) == (1.0, 1.0)
    assert MEAN_Z in found.simple_methods


def test_distances_from_rest_grow_with_change_whatever_its_direction_and_know_no_gain() -> None:
    rng = np.random.default_rng(0)
    rest, task = rng.standard_normal((2, 40 * 128, 3))
    task[:, 1] *= 0.5
    info = SimpleNamespace(name="made", targets=(Target(name="load", classes=("low", "high")),))

    def distances(gain: float) -> Any:
        own = Trial("s0", "1", "rest", gain * rest, 128.0, CHANNELS, {"load": 0})
        trials = [own, replace(own, trial="task", data=gain * task, labels={"load": 1}, rest=gain * rest)]
        dataset = cast(Any, SimpleNamespace(info=info, subjects=lambda: ["s0"], trials=lambda _: trials))
        made = make_windows(dataset, SPEC)
        found = rest_distances(dataset, SPEC, made)
        assert found is not None
        return found, made.labels[:, 0]

    found, labels = distances(1.0)
    assert found.shape == (len(labels), 4)
    assert found[labels == 1].mean() > 1.2 * found[labels == 0].mean()
    np.testing.assert_allclose(distances(10.0)[0], found, rtol=1e-6)


def test_false_alarms_are_counted_in_successive_stretches_of_rest() -> None:
    made = windows((1, 2))
    _, split = probe(made, 1, 2)
    rest = split.test[made.labels[split.test, 0] == 0]
    seconds = made.seconds[rest]
    assert course_of_false_alarms((seconds >= 150) & (seconds < 180), seconds) == (0.0, 1.0, 0.0, 0.0)


def test_features_of_eyes_and_muscles_are_scored_alone_and_left_out() -> None:
    split = Split("fold01", np.arange(0, 80), np.arange(80, 120), np.arange(120, N))
    eyes = artefact_scores(windows((0, 0), 4), [split], 0, CHANNELS, within_subject=False)
    assert eyes[ARTEFACTS_ONLY] > 0.9 > 0.65 > eyes[ARTEFACTS_REMOVED]
    brain = artefact_scores(windows((1, 1), 4), [split], 0, CHANNELS, within_subject=False)
    assert brain[ARTEFACTS_REMOVED] > 0.9 > 0.65 > brain[ARTEFACTS_ONLY]


def test_a_score_is_explained_by_muscle_by_distance_or_by_the_swap() -> None:
    assert not explained(Controls(muscle_only=0.6, swap=SwapTest(rest_high=0.05, task_high=0.5)), 0.8)
    assert explained(Controls(muscle_only=0.8), 0.8)
    assert explained(Controls(simple_methods={MEAN_Z: 0.9}), 0.8)
    assert explained(Controls(swap=SwapTest(rest_high=0.6, task_high=0.2)), 0.8)
    directed = SwapTest(rest_high=0.05, task_high=0.3)
    assert not explained(Controls(simple_methods={MEAN_Z: 0.9}, swap=directed), 0.8)
    assert explained(Controls(muscle_only=0.8, swap=directed), 0.8)
