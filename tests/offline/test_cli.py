"""The command line: what it prints, and how it fails."""

import os
import shlex
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from bci_app.errors import DependencyError
from offline import cli
from offline.cli import parsing, runs
from offline.run import RunSettings
from tests.offline.processes import start_command

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
    [
        ["space", "--preset", "huge"],
        ["run", "--dataset", "eegmat"],
        ["run", "--folds", "0"],
        ["nothing"],
        ["run", "--dataset", "eegmat", "--out", "never", "--seed", "99999999999999999999"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert runner.invoke(cli.app, arguments).exit_code == 2


def test_a_failure_is_one_message_and_exit_code_1(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    process = start_command("run", "--dataset", "deap", "--out", tmp_path / "run", errors=errors)
    process.join(200)
    assert process.exitcode == 1
    assert errors.read_text().startswith("bci-offline: Data set deap needs a folder")
    assert "Traceback" not in errors.read_text()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words",
    [["--dataset", "unheard-of"], ["--protocol", "trial,nonsense"], ["--preset", "huge"], ["--search", "random"]],
)
def test_names_that_are_not_known_are_wrong_usage_and_the_known_ones_are_listed(words: list[str]) -> None:
    result = runner.invoke(cli.app, ["train", "--dataset", "eegmat", "--out", "never", *words])
    assert result.exit_code == 2
    known = {"--dataset": "eegmat, deap", "--protocol": "loso, subjects", "--preset": "paper, compact"}
    assert known.get(words[0], "nsga2") in " ".join(result.output.split())


@pytest.mark.parametrize(
    "words",
    [["magic=1"], ["size_weight=much"], ["size_weight=nan"], ["population=0"], ["score=1"], ["accuracy=f1"]],
)
def test_a_search_that_cannot_be_is_wrong_usage(words: list[str]) -> None:
    result = runner.invoke(cli.app, ["run", "--dataset", "eegmat", "--out", "never", "--search-setting", *words])
    assert result.exit_code == 2
    assert words[0].partition("=")[0] in result.output


@pytest.mark.parametrize(
    "words", [["mixup"], ["mixup=much"], ["mixup=-1"], ["magic=1"], ["optimizer=sgd"], ["sandwich=1.5"]]
)
def test_a_recipe_that_cannot_be_is_wrong_usage(words: list[str]) -> None:
    result = runner.invoke(cli.app, ["run", "--dataset", "eegmat", "--out", "never", "--recipe", *words])
    assert result.exit_code == 2
    assert words[0].partition("=")[0] in result.output


def test_the_command_of_a_run_leads_to_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a report calls its command, given again, asks for exactly what the first one did."""
    asked: list[RunSettings] = []
    monkeypatch.setattr(runs, "execute", lambda settings, *_, **__: asked.append(settings))
    for more in (
        "--preset paper --no-search-controls",
        "--preset compact --search-controls",
        "--preset compact --epochs 16 --search-sample 12",
        "--preset compact --recipe epochs=20 --recipe steps=100 --recipe time_mask=0.2",
        "--preset paper --epochs 3 --recipe sandwich=2 --recipe optimizer=adamw --recipe warm_up=5",
        "--preset compact --threshold >=4 --subjects 3, --targets valence --folds 1 --latency --search nsga2",
        "--preset compact --search-setting size_weight=0.5 --search-setting population=30 --search-setting tries=5",
        "--preset paper --search nsga2 --search-setting accuracy=balanced_accuracy --search-setting size_unit=1e3",
        "--preset paper --recipe label_smoothing=0.1 --recipe class_weights=true --networks shared --finetune 2",
        "--preset compact --finetune 3",
        "--preset paper --search none",
    ):
        result = runner.invoke(cli.app, ["run", "--dataset", "deap", "--out", "RUN", *more.split()])
        assert result.exit_code == 0, result.output
        words = shlex.split(asked[-1].command())[1:]
        for stage in ("run", "train", "sweep"):  # stages and sweeps take what a run takes
            again = runner.invoke(cli.app, [stage, *words[1:]])
            assert again.exit_code == 0, again.output
            assert asked.pop() == asked[-1]
    assert [settings.preset.search_controls for settings in asked[:4]] == [0, 8, 12, 0]
    assert asked[3].preset.recipe.time_mask == 0.2
    assert asked[5].threshold == ">=4"
    assert (asked[6].preset.search.objective.size_weight, asked[6].preset.search.population) == (0.5, 30)
    assert asked[6].preset.search.generations == 6
    assert asked[7].preset.search.objective.size_unit == 1000
    # In compact nothing is searched unless it is asked for.
    strategies = ["evolution"] * 3 + ["none", "evolution", "nsga2", "evolution", "nsga2", "evolution", "none", "none"]
    assert [settings.preset.strategy for settings in asked] == strategies


def test_a_run_that_was_begun_keeps_its_search_whatever_the_preset_says_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunSettings] = []
    monkeypatch.setattr(runs, "execute", lambda settings, *_, **__: asked.append(settings))

    def strategy(out: Path, *words: str) -> str:
        result = runner.invoke(cli.app, ["run", "--dataset", "deap", "--out", str(out), *words])
        assert result.exit_code == 0, result.output
        return asked[-1].preset.strategy

    for name in ("refused", "begun"):
        assert strategy(tmp_path / name, "--search", "evolution") == "evolution"
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(asked[-1].model_dump_json())
    (tmp_path / "begun" / "training.csv").write_text("")
    assert strategy(tmp_path / "begun") == "evolution"
    assert strategy(tmp_path / "begun", "--search", "none") == "none"
    assert strategy(tmp_path / "refused") == "none"
    words = ["--dataset", "deap", "--out", str(tmp_path / "new"), "--search", "none", "--generations", "3", "--latency"]
    result = runner.invoke(cli.app, ["run", *words])
    assert result.exit_code == 2
    assert "leave out --generations, --latency" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--dataset", "eegmat", "--root", "DATA", "--out", "FILE"], "cannot be written"),
        (["run", "--dataset", "eegmat", "--root", "DATA", "--out", "FILE/run"], "cannot be written"),
        (["run", "--dataset", "eegmat", "--root", "FILE", "--out", "run"], "Cannot read taken as recordings of EEGMAT"),
        (["run", "--dataset", "eegmat", "--protocol", ",", "--out", "run"], "A run needs protocols"),
        (["run", "--dataset", "eegmat", "--threshold", ">3", "--out", "run"], "has no ratings to divide"),
        (["run", "--dataset", "eegmat", "--threshold", "high", "--out", "run"], "Not a threshold of ratings"),
        (["synth", "deap", "FILE/deap"], "cannot be made"),
        (["evaluate", "mental-load", "--file", "FILE"], "Cannot read taken as recordings of EEGMAT"),
        (["evaluate", "mental-load", "--file", "nowhere.npz"], "There is no file nowhere.npz"),
        (["report", "FILE"], "No finished run"),
        (["search", "FILE"], "No run was started"),
    ],
)
def test_paths_that_cannot_be_used_are_named(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arithmetic_npz: Path,
) -> None:
    (tmp_path / "taken").write_text("mine")
    names = {"DATA": str(arithmetic_npz)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["bci-offline", *(names.get(word, word.replace("FILE", "taken")) for word in arguments)]
    )
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 1
    assert message in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and SIGINT as on POSIX")
def test_ctrl_c_ends_all_processes_with_one_line(tmp_path: Path, arithmetic_npz: Path) -> None:
    out, errors = tmp_path / "run", tmp_path / "errors"
    data = ["--dataset", "eegmat", "--root", arithmetic_npz, "--subjects", "4"]
    started = start_command("run", *data, "--processes", "2", "--out", out, errors=errors)
    assert started.pid is not None
    try:
        deadline = time.monotonic() + 300
        while not list(out.glob("subjects/*/*/tensorboard")) and time.monotonic() < deadline:
            assert started.is_alive()
            time.sleep(0.05)
        workers = psutil.Process(started.pid).children(recursive=True)
        os.killpg(started.pid, signal.SIGINT)
        started.join(timeout=200)
    finally:
        started.kill()
    assert started.exitcode == 130
    assert errors.read_text().strip() == "bci-offline: stopped; the same command goes on where it was"
    assert len(workers) >= 2
    assert not psutil.wait_procs(workers, timeout=120)[1]
    assert not (out / "run.lock").exists()


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing.importlib.util, "find_spec", lambda name: None if name == "torch" else object())
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
