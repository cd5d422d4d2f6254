"""One recording, three ways: offline, as a file, through LSL. The same predictions at the same samples."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Smoothing
from bci_app.preprocessing.spec import RestBaseline
from offline.datasets.eegmat import EegmatFolder
from offline.datasets.windows import trial_windows
from tests.bundles import small_spec, write_bundle
from tests.lsl_outlet import unique
from tests.sample_session import POP_SECOND

NAMES = "Fp1 Fp2 F3 F4 F7 F8 T7 T8 C3 C4 P7 P8 P3 P4 O1 O2 Fz Cz Pz"
CHANNELS = tuple(NAMES.split())
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    spec = small_spec(channels=CHANNELS, baseline=RestBaseline(kind="feature", samples=30 * 128))
    folder = tmp_path_factory.mktemp("bundles") / "b"
    # Contact is another matter: interpolation is a live repair that offline windows never need.
    return load_bundle(write_bundle(folder, spec=spec, seconds=34, smoothing=Smoothing(windows=10)))


def bci_app(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bci_app", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str], timeout: float = 250) -> str:
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return out


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def content(rows: list[dict]) -> dict[int, object]:
    """What must agree at each sample: validity, reasons, probabilities."""
    return {row["sample"]: (row["valid"], row["reasons"], row["targets"]) for row in rows}


def probabilities(rows: list[dict]) -> dict[int, tuple[float, ...]]:
    return {row["sample"]: tuple(row["targets"]["mental_load"]["probability"].values()) for row in rows if row["valid"]}


@pytest.fixture(scope="module")
def from_file(bundle: LoadedBundle, sample_recordings: tuple[Path, Path], tmp_path_factory) -> list[dict]:  # type: ignore[no-untyped-def]
    out = tmp_path_factory.mktemp("out") / "file.jsonl"
    source = f"file:{sample_recordings[1]}?speed=max"
    finish(bci_app("run", "--source", source, "--bundle", str(bundle.folder), "--jsonl", str(out)))
    return lines(out)


@pytest.mark.lsl
def test_lsl_gives_what_the_file_gives(
    bundle: LoadedBundle, sample_recordings: tuple[Path, Path], from_file: list[dict], tmp_path: Path
) -> None:
    out = tmp_path / "lsl.jsonl"
    identity = unique("test-equal")
    replay = bci_app("replay", str(sample_recordings[1]), "--source-id", identity, "--speed", "20")
    live = bci_app(
        "run",
        "--source",
        f"lsl:source_id={identity}",
        "--bundle",
        str(bundle.folder),
        "--jsonl",
        str(out),
        "--seconds",
        "12",
    )
    finish(live)
    finish(replay)
    expected, found = content(from_file), content(lines(out))
    assert sorted(found) == sorted(expected)  # no window missing, none twice
    for sample, (valid, reasons, targets) in expected.items():
        assert found[sample][:2] == (valid, reasons)
        if valid:
            a, b = (
                [v for kind in ("probability", "smoothed", "spread") for v in row["mental_load"][kind].values()]
                for row in (targets, found[sample][2])
            )
            np.testing.assert_allclose(b, a, rtol=0, atol=TOLERANCE)
    assert sum(valid for valid, _, _ in expected.values()) > 40


# Second of the task at which electrode O2 jumps. From there on the live side knows more than
# training's windows do: it refuses what the pop spoils and starts that electrode's filters again.
POP = POP_SECOND


@pytest.mark.parametrize("filtered", [True, False], ids=["filtered", "as recorded"])
def test_offline_windows_give_what_the_file_gives(
    filtered: bool, bundle: LoadedBundle, sample_recordings: tuple[Path, Path], tmp_path: Path
) -> None:
    rest, task = sample_recordings
    if not filtered:
        spec = bundle.spec.preprocessing.model_copy(update={"steps": ()})
        bundle = load_bundle(write_bundle(tmp_path / "b", spec=spec, seconds=34))
    out = tmp_path / "file.jsonl"
    source = f"file:{task}?speed=max"
    finish(bci_app("run", "--source", source, "--rest", str(rest), "--bundle", str(bundle.folder), "--jsonl", str(out)))
    live = probabilities(lines(out))
    _, arithmetic = EegmatFolder(rest.parent).trials("Subject01")
    tokens, last = trial_windows(arithmetic, bundle.spec.preprocessing)
    expected = Predictor(bundle.spec, bundle.model).predict(tokens).probabilities[0]
    offline = {int(sample): values for sample, values in zip(last, expected, strict=True)}
    assert set(live) <= set(offline)
    before = [sample for sample in offline if sample < POP * 500]
    assert len(before) > 80
    assert before == [sample for sample in live if sample < POP * 500]  # no window missing
    compared = before if filtered else sorted(live)
    assert filtered or len(compared) > len(before) + 15
    np.testing.assert_allclose([live[s] for s in compared], [offline[s] for s in compared], rtol=0, atol=TOLERANCE)
