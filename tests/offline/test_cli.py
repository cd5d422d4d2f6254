"""The command line: what it prints, and how it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bci_app.errors import DependencyError
from offline import cli

runner = CliRunner()


def test_space_prints_the_published_counts() -> None:
    result = runner.invoke(cli.app, ["space", "--preset", "paper"])
    assert result.exit_code == 0
    assert "15690264084" in result.output
    assert "13947137604 of depth 10" in result.output
    assert "1733594" in result.output
    assert "6983282" in result.output


@pytest.mark.parametrize(
    "arguments",
    [["space", "--preset", "huge"], ["run", "--dataset", "eegmat"], ["run", "--folds", "0"], ["nothing"]],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert runner.invoke(cli.app, arguments).exit_code == 2


def start(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from offline.cli import main; main()", *arguments]
    return subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=100, check=False
    )


def test_a_failure_is_one_message_and_exit_code_1(tmp_path: Path, project_root: Path) -> None:
    result = start("run", "--dataset", "unheard-of", "--out", str(tmp_path / "run"), root=project_root)
    assert result.returncode == 1
    assert "Unknown data set: found 'unheard-of'" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(DependencyError, match=r"no torch.*pip install 'bci-app\[offline\]'"):
        runner.invoke(cli.app, ["space"], catch_exceptions=False)


def test_datasets_tells_what_to_obtain_and_what_is_there(tmp_path: Path) -> None:
    result = runner.invoke(cli.app, ["synth", "deap", str(tmp_path / "deap"), "--subjects", "1", "--trials", "2"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "deap" / "s01.dat").exists()
    listed = runner.invoke(cli.app, ["datasets", "--root", str(tmp_path)], env={"COLUMNS": "300"})
    assert listed.exit_code == 0
    lines = listed.output.splitlines()
    for name in ("eegmat", "deap", "deap-original", "dreamer", "seed", "recordings"):
        assert any(line.split()[1:2] == [name] for line in lines)
    assert "1 subject of synthetic files in" in listed.output
    assert "end-user licence" in listed.output
