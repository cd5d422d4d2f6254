import json
import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bci_app.errors import DatasetError
from bci_app.preprocessing import PreprocessingSpec
from bci_app.preprocessing.spec import NoBaseline, RestBaseline
from offline.datasets import Threshold, WindowSet, make_windows, open_dataset
from offline.datasets import cache as cache_module
from offline.datasets.cache import prepare
from offline.datasets.deap import CHANNELS as DEAP

SPEC = PreprocessingSpec(
    channels=DEAP,
    rate=128,
    window=128,
    hop=128,
    baseline=RestBaseline(kind="template", samples=384),
    across_channels=True,
)


@pytest.fixture(autouse=True)
def _code_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone may be editing the preprocessing while the tests run."""
    version = cache_module.code_version()
    monkeypatch.setattr(cache_module, "code_version", lambda: version)


@pytest.fixture
def in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are worth their start, however small the files."""
    monkeypatch.setattr(cache_module, "START_SECONDS", 0.0)


def equal(one: WindowSet, other: WindowSet) -> None:
    for field in fields(WindowSet):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype, field.name
        elif field.name != "digest":  # windows in memory have none
            assert a == b


@pytest.fixture
def root(deap_root: Path, tmp_path: Path) -> Path:
    """A copy of the files that may be changed."""
    return Path(shutil.copytree(deap_root, tmp_path / "deap"))


@pytest.fixture(scope="module")
def plain(deap_root: Path) -> WindowSet:
    """The windows of the files without a cache."""
    return make_windows(open_dataset("deap", deap_root), SPEC)


@pytest.fixture(scope="module")
def prepared(deap_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of these windows; only read from."""
    cache = tmp_path_factory.mktemp("cache")
    prepare(open_dataset("deap", deap_root), SPEC, cache)
    return cache


def made(cache: Path) -> dict[str, int]:
    """Identify the arrays of every prepared set: a set that is made again has other ones."""
    return {path.parent.name: path.stat().st_ino for path in cache.glob("*/tokens.npy")}


@pytest.mark.usefixtures("in_processes")
@pytest.mark.parametrize("jobs", [1, 2])
def test_the_cache_gives_what_make_windows_gives(deap_root: Path, plain: WindowSet, tmp_path: Path, jobs: int) -> None:
    dataset = open_dataset("deap", deap_root)
    steps: list[tuple[int, int]] = []
    for _ in range(2):
        windows = prepare(dataset, SPEC, tmp_path, jobs=jobs, progress=lambda done, total: steps.append((done, total)))
        equal(windows, plain)
        assert isinstance(windows.tokens, np.memmap)
        assert not windows.tokens.flags.writeable
    # Each subject once, and the second time all at once.
    assert steps == [(1, 2), (2, 2), (2, 2)]
    assert [path.name for path in tmp_path.iterdir()] == list(made(tmp_path))
    assert not list(tmp_path.glob("*/part-*"))


def test_processes_are_started_only_where_they_save_time(
    deap_root: Path, plain: WindowSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two small subjects take less than an import of SciPy."""
    monkeypatch.setattr(cache_module, "process_pool", None)
    dataset = open_dataset("deap", deap_root)
    equal(prepare(dataset, SPEC, tmp_path, jobs=2), plain)


@pytest.mark.usefixtures("in_processes")
def test_data_sets_of_one_file_are_prepared_in_this_process(dreamer_root: Path, tmp_path: Path) -> None:
    dataset = open_dataset("dreamer", dreamer_root)
    spec = SPEC.model_copy(update={"channels": dataset.info.channels})
    equal(prepare(dataset, spec, tmp_path, jobs=2), make_windows(dataset, spec))


def test_targets_and_subjects_are_chosen_from_the_cache(deap_root: Path, tmp_path: Path) -> None:
    dataset = open_dataset("deap", deap_root)
    prepare(dataset, SPEC, tmp_path)
    before = made(tmp_path)
    windows = prepare(dataset, SPEC, tmp_path, targets=["dominance", "valence"])
    equal(windows, make_windows(dataset, SPEC, targets=["dominance", "valence"]))
    assert made(tmp_path) == before
    equal(prepare(dataset, SPEC, tmp_path, subjects=["s02"]), make_windows(dataset, SPEC, subjects=["s02"]))


def test_another_spec_threshold_or_root_never_meets_these_windows(root: Path, tmp_path: Path) -> None:
    dataset, cache = open_dataset("deap", root), tmp_path / "cache"
    prepare(dataset, SPEC, cache)
    changes: tuple[dict[str, Any], ...] = (
        {"hop": 64},
        {"across_channels": False},
        {"baseline": NoBaseline()},
        {"warm_up": 1},
    )
    for number, change in enumerate(changes, start=2):
        spec = SPEC.model_copy(update=change)
        equal(prepare(dataset, spec, cache), make_windows(dataset, spec))
        assert len(made(cache)) == number
    inclusive = open_dataset("deap", root, threshold=Threshold(4.0))
    equal(prepare(inclusive, SPEC, cache), make_windows(inclusive, SPEC))


def test_older_code_is_replaced(deap_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset("deap", deap_root)
    prepare(dataset, SPEC, tmp_path)
    before = made(tmp_path)
    monkeypatch.setattr(cache_module, "code_version", lambda: "another")
    prepare(dataset, SPEC, tmp_path)
    after = made(tmp_path)
    assert list(after) == list(before)
    assert after != before


def test_a_changed_file_is_prepared_again_and_a_touched_one_is_not(root: Path, tmp_path: Path) -> None:
    dataset, cache = open_dataset("deap", root), tmp_path / "cache"
    prepare(dataset, SPEC, cache)
    before = made(cache)
    os.utime(root / "s01.dat")
    prepare(dataset, SPEC, cache)
    assert made(cache) == before
    content = bytearray((root / "s01.dat").read_bytes())
    content[-100_000] ^= 1  # one bit of one sample, the same length
    (root / "s01.dat").write_bytes(content)
    equal(prepare(dataset, SPEC, cache), make_windows(dataset, SPEC))
    assert made(cache) != before


def test_a_file_that_cannot_be_read_leaves_its_subject_out(root: Path, tmp_path: Path) -> None:
    (root / "s03.dat").mkdir()
    dataset, skipped = open_dataset("deap", root), dict[str, DatasetError]()
    first, again = (prepare(dataset, SPEC, tmp_path / "cache", on_skip=skipped.__setitem__) for _ in range(2))
    assert first.subjects == again.subjects == ("s01", "s02")
    assert list(skipped) == ["s03"]
    with pytest.raises(DatasetError, match=r"Cannot read s03\.dat"):
        prepare(dataset, SPEC, tmp_path / "cache")
    (root / "s03.dat").rmdir()
    (root / "s03.dat").write_bytes((root / "s01.dat").read_bytes())
    assert prepare(dataset, SPEC, tmp_path / "cache").subjects == ("s01", "s02", "s03")


def test_the_digest_is_that_of_the_windows_wherever_the_files_lie(deap_root: Path, root: Path, tmp_path: Path) -> None:
    one, moved, twice = (
        prepare(open_dataset("deap", folder), SPEC, tmp_path / cache)
        for folder, cache in ((deap_root, "a"), (root, "b"), (root, "b"))
    )
    assert one.digest == moved.digest == twice.digest
    threshold = Threshold(2.0)
    assert prepare(open_dataset("deap", root, threshold=threshold), SPEC, tmp_path / "c").digest != one.digest
    (root / "s02.dat").write_bytes((root / "s01.dat").read_bytes())
    assert prepare(open_dataset("deap", root), SPEC, tmp_path / "b").digest != one.digest


@pytest.mark.parametrize(
    "damage", ["truncated array", "missing array", "no manifest", "broken manifest", "other manifest"]
)
def test_a_damaged_cache_is_made_again(
    deap_root: Path, plain: WindowSet, prepared: Path, tmp_path: Path, damage: str
) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    (folder,) = tmp_path.iterdir()
    manifest = folder / "manifest.json"
    match damage:
        case "truncated array":
            os.truncate(folder / "tokens.npy", 1000)
        case "missing array":
            (folder / "labels.npy").unlink()
        case "no manifest":
            manifest.unlink()
        case "broken manifest":
            manifest.write_text(manifest.read_text()[:500])
        case "other manifest":
            manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"sources": {}}))
    equal(prepare(open_dataset("deap", deap_root), SPEC, tmp_path), plain)


def test_a_damaged_subject_is_an_error_or_left_out_and_named_every_time(root: Path, tmp_path: Path) -> None:
    whole = (root / "s01.dat").read_bytes()
    (root / "s01.dat").write_bytes(whole[:1000])
    dataset, cache = open_dataset("deap", root), tmp_path / "cache"
    with pytest.raises(DatasetError, match=r"s01\.dat is truncated"):
        prepare(dataset, SPEC, cache)
    assert list(cache.iterdir()) == []
    skipped: list[str] = []
    for times in (1, 2):
        windows = prepare(dataset, SPEC, cache, on_skip=lambda name, error: skipped.append(f"{name}: {error}"))
        assert windows.subjects == ("s02",)
        assert len(skipped) == times
        assert skipped[-1].startswith("s01: s01.dat is truncated: found 1000 bytes")
    with pytest.raises(DatasetError, match=r"s01\.dat is truncated"):
        prepare(dataset, SPEC, cache)
    (root / "s01.dat").write_bytes(whole)
    assert prepare(dataset, SPEC, cache).subjects == ("s01", "s02")


@pytest.mark.usefixtures("in_processes")
def test_damage_is_told_across_processes(root: Path, tmp_path: Path) -> None:
    (root / "s02.dat").write_bytes((root / "s02.dat").read_bytes()[:1000])
    with pytest.raises(DatasetError, match=r"s02\.dat is truncated: found 1000 bytes.*Obtain the file again"):
        prepare(open_dataset("deap", root), SPEC, tmp_path / "cache", jobs=2)
    assert list((tmp_path / "cache").iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from offline.datasets import open_dataset
from offline.datasets.cache import prepare
from tests.offline.datasets.test_cache import SPEC

prepare(
    open_dataset("deap", Path(sys.argv[1])), SPEC, Path(sys.argv[2]),
    progress=lambda done, total: os.kill(os.getpid(), signal.SIGKILL),
)
"""


def test_a_killed_preparation_leaves_nothing_that_is_used(
    deap_root: Path, plain: WindowSet, tmp_path: Path, project_root: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(deap_root), str(tmp_path)]
    killed = subprocess.run(command, cwd=project_root, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -9, killed.stderr
    (abandoned,) = tmp_path.iterdir()
    assert abandoned.name.endswith(".partial")
    dataset = open_dataset("deap", deap_root)
    equal(prepare(dataset, SPEC, tmp_path), plain)
    assert [path.name for path in tmp_path.iterdir()] == list(made(tmp_path))


def test_a_cache_that_cannot_be_written_is_told(deap_root: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(DatasetError, match="cache of windows cannot be written"):
        prepare(open_dataset("deap", deap_root), SPEC, tmp_path / "cache")
