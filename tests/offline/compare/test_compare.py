"""Runs side by side: seeds of one command are one row with a spread, and people are paired between runs."""

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bci_app.errors import FileError
from offline import cli
from offline.compare import compare
from offline.run import RunRecord, experiment, run
from tests.offline.run.planted import PRESET, SETTINGS, Planted
from tests.once import made_once


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of one command, and one run with another recipe."""
    return made_once(tmp_path_factory, "compare", _two_commands)


def _two_commands(out: Path) -> None:
    quick = SETTINGS.model_copy(update={"preset": PRESET.changed(epochs=1, generations=1, finetune=0)})
    longer = SETTINGS.model_copy(update={"preset": PRESET.changed(epochs=3, generations=1, finetune=0)})
    cache = out / "cache"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(experiment, "open_dataset", lambda *_, **__: Planted())
        for seed in (0, 1):
            of_seed = quick.model_copy(update={"seed": seed})
            assert run(of_seed, out / "short" / f"seed-{seed}", baselines=["majority"], cache=cache) is not None
        assert run(longer, out / "long", cache=cache) is not None


def test_runs_are_compared_in_tables(runs: Path, tmp_path: Path) -> None:
    arguments = ["compare", str(runs / "short"), str(runs / "long"), "--out", str(tmp_path)]
    result = CliRunner().invoke(cli.app, arguments, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    assert "short: planted, protocol" in result.output
    assert "majority class" in result.output
    with (tmp_path / "compare.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {(row["run"], row["method"]): row for row in rows}
    assert len(found) == len(rows) == 3 + 2
    short = found["short", "found subnets"]
    each = [RunRecord.read(runs / "short" / f"seed-{n}").protocols[0].scores["found"][0] for n in (0, 1)]
    scores = [score.balanced_accuracy for score in each]
    assert float(short["balanced_accuracy"]) == pytest.approx(np.mean(scores), abs=1e-5)
    assert float(short["spread"]) == pytest.approx(np.std(scores, ddof=1), abs=1e-5)
    assert (short["seeds"], short["people"]) == ("2", "8")
    assert found["short", "majority class"]["difference"]
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert "Whole subjects held out" in page
    assert "less run" in page
    assert "majority class" in result.output


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"There is no run .*nowhere"):
        compare([tmp_path / "nowhere"])
