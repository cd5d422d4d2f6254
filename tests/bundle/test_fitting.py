"""Which models fit a stream, and the score that their cards state for its electrodes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bci_app.bundle.fitting import fit_models
from bci_app.bundle.spec import BadChannelLoss, Controls, MontageScore, Provenance, SwapTest
from bci_app.cli.app import main
from tests.bundles import CHANNELS, LOAD, describe, elastic_settings, linear_model, small_spec, write_bundle

MUSE = ("TP9", "AF7", "AF8", "TP10")


def card(**changes: object) -> Provenance:
    """Return the card of a test bundle with other entries."""
    spec = small_spec()
    whole = describe(linear_model(spec, (LOAD,)), spec, (LOAD,)).provenance.model_dump()
    whole["scores"][0]["balanced_accuracy"] = 0.8
    return Provenance.model_validate(whole | changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a fixed model, an elastic one, and one that is damaged."""
    folder = tmp_path_factory.mktemp("models")
    spec = small_spec()
    loss = BadChannelLoss(
        target="mental_load",
        method="interpolate",
        channels=1,
        draws=8,
        balanced_accuracy=0.78,
        balanced_accuracy_after_rest=0.75,
        loss=0.02,
        loss_after_rest=0.05,
    )
    fixed = card(bad_channels=(loss.model_dump(),))
    write_bundle(folder / "fixed", spec=spec, name="fixed", not_for_people=False, max_bad_share=0.34, provenance=fixed)
    scores = [
        MontageScore(
            montage=name,
            electrodes=electrodes,
            target="mental_load",
            balanced_accuracy=score,
            n_windows=100,
            controls=Controls(swap=SwapTest(rest_high=0.6, task_high=0.2)),
            explained_by_controls=name == "front",
        ).model_dump()
        for name, electrodes, score in (("muse", MUSE, 0.68), ("front", ("Fp1", "Fp2"), 0.7))
    ]
    write_bundle(
        folder / "elastic",
        spec=spec,
        name="elastic",
        not_for_people=False,
        provenance=card(montages=scores),
        **elastic_settings(spec),
    )
    (folder / "damaged").mkdir()
    return folder


def fits(folder: Path, channels: tuple[str, ...], rate: float = 250.0) -> dict[str, tuple[bool, float | None, str]]:
    found = fit_models(channels, rate, folder)
    return {fit.bundle: (fit.fits, fit.expected_balanced_accuracy, fit.reason) for fit in found}


def test_a_headset_gets_the_score_of_its_montage(folder: Path) -> None:
    found = fits(folder, MUSE, 256.0)
    assert found["elastic"] == (True, 0.68, "")
    assert found["fixed"][:2] == (False, None)
    assert "lacks 6 of the 6 channels" in found["fixed"][2]
    assert "Cannot read the bundle" in found["damaged"][2]


def test_all_channels_of_training_get_the_score_of_the_card_and_a_missing_one_its_measured_loss(folder: Path) -> None:
    assert fits(folder, CHANNELS)["fixed"] == (True, 0.8, "")
    fit, expected, _ = fits(folder, CHANNELS[:-1])["fixed"]
    assert fit
    assert expected == pytest.approx(0.75)
    assert fits(folder, CHANNELS[:-2])["fixed"] == (True, None, "no score was measured with these 4 electrodes")


def test_a_score_that_its_controls_explain_is_marked(folder: Path) -> None:
    assert "controls explain the score" in fits(folder, ("Fp1", "Fp2"))["elastic"][2]


def test_a_stream_that_is_too_slow_does_not_fit(folder: Path) -> None:
    assert "too slow" in fits(folder, MUSE, 50.0)["elastic"][2]


def test_models_that_fit_come_first_the_best_of_them_before_the_others(folder: Path) -> None:
    assert [fit.bundle for fit in fit_models(CHANNELS, 250.0, folder)][:2] == ["fixed", "elastic"]
    assert fit_models(MUSE, 256.0, folder)[0].bundle == "elastic"


@pytest.mark.parametrize("channels", ["muse", "TP9,AF7,AF8,TP10"])
def test_the_command_lists_them(
    folder: Path, channels: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for options in (["--json"], []):
        monkeypatch.setattr(
            sys, "argv", ["bci-app", "models", "--channels", channels, "--folder", str(folder), *options]
        )
        with pytest.raises(SystemExit, match="0"):
            main()
    text = capsys.readouterr().out
    rows, end = json.JSONDecoder().raw_decode(text)
    assert rows[0] == {
        "bundle": "elastic",
        "fits": True,
        "expected_balanced_accuracy": 0.68,
        "electrodes": list(MUSE),
        "reason": "",
    }
    assert "0.68  4 electrodes" in text[end:]


@pytest.mark.parametrize(("reached", "mark"), [(0.8, "explained by its controls"), (0.5, "not above chance")])
def test_check_prints_the_controls_beside_the_score(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, reached: float, mark: str
) -> None:
    controls = Controls(
        swap=SwapTest(rest_high=0.6, task_high=0.16), muscle_free=0.79, simple_methods={"mean of |z|": 0.76}
    )
    beside = {"controls": controls.model_dump(), "explained_by_controls": True, "balanced_accuracy": reached}
    write_bundle(tmp_path / "b", provenance=card(scores=(card().scores[0].model_dump() | beside,)))
    monkeypatch.setattr(sys, "argv", ["bci-app", "check", str(tmp_path / "b")])
    with pytest.raises(SystemExit, match="0"):
        main()
    lines = capsys.readouterr().out.splitlines()
    assert f"  {mark}" in lines
    assert "  baseline from the task: rest is called high in 0.60 of the windows, the task in 0.16" in lines
    assert "  without frequencies above 28 Hz: balanced accuracy 0.79" in lines
    assert "  mean of |z|: balanced accuracy 0.76" in lines
