"""Sweeps: a dead worker or a dead driver costs time and changes no result."""

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest
from fsspec.implementations.local import LocalFileSystem

from bci_app.errors import FileError
from offline.run.fold import LOGITS_FILE, RESULT_FILE
from offline.run.watch import Progress
from offline.sweep import jobs as module
from offline.sweep.engines import LocalEngine, RayEngine
from offline.sweep.jobs import Store, Sweep
from tests.offline.processes import start
from tests.offline.sweep.drive import drive, tasks


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return the results of the networks without a sweep."""
    frame, networks = tasks(tmp_path_factory.mktemp("plain"))
    for network in networks:
        frame.run([network], lambda _: None)
    return results(networks[0].folder.parent)


def results(folder: Path) -> list[bytes]:
    return [path.read_bytes() for name in (RESULT_FILE, LOGITS_FILE) for path in sorted(folder.glob(f"*/{name}"))]


def begin(engine: str, folder: Path) -> BaseProcess:
    return start(drive, engine, folder, errors=folder / "errors")


def finish(driver: BaseProcess, folder: Path) -> None:
    driver.join(timeout=400)
    assert driver.exitcode == 0, (folder / "errors").read_text()


def wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.timeout(1200)
def test_a_ray_worker_that_is_killed_changes_nothing(tmp_path: Path, expected: list[bytes]) -> None:
    driver = begin("ray", tmp_path)
    killed: list[int] = []

    def kill_one() -> bool:
        for process in psutil.Process(driver.pid).children(recursive=True):
            with suppress(psutil.Error):
                if "ray::_work" in " ".join(process.cmdline()):
                    process.kill()
                    killed.append(process.pid)
                    return True
        return not driver.is_alive()

    wait_for(kill_one)
    assert killed
    finish(driver, tmp_path)
    assert results(tmp_path) == expected
    stages = (tmp_path / "stages").read_text().split()
    assert {"training", "done"} <= set(stages)  # seen while the jobs ran, and at their end


@pytest.mark.timeout(1200)
def test_a_driver_that_is_killed_continues(tmp_path: Path, expected: list[bytes]) -> None:
    driver = begin("local", tmp_path)
    wait_for(lambda: any((tmp_path / "store").glob(f"*/{RESULT_FILE}")))
    driver.kill()
    driver.join(timeout=120)
    finish(begin("local", tmp_path), tmp_path)
    assert results(tmp_path) == expected


def test_finished_jobs_are_skipped_and_another_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: list[bytes]
) -> None:
    seen: list[Progress] = []
    for folder in ("first", "second"):
        frame, networks = tasks(tmp_path / folder)
        Sweep(LocalEngine(1), str(tmp_path / "store"))(frame, networks, seen.append)
        assert results(tmp_path / folder) == expected
        if folder == "first":
            assert seen
            seen.clear()
    assert not seen
    versions = iter(["driver", "worker", "worker"])
    monkeypatch.setattr(module, "code_version", lambda: next(versions))
    frame, networks = tasks(tmp_path / "third")
    with pytest.raises(FileError, match="another version of bci-app than the driver"):
        Sweep(LocalEngine(1), str(tmp_path / "store"))(frame, networks, seen.append)


def test_a_full_disk_is_one_message_and_the_sweep_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: list[bytes]
) -> None:
    frame, networks = tasks(tmp_path / "run")
    sweep = Sweep(LocalEngine(1), str(tmp_path / "store"))
    with monkeypatch.context() as patch:
        full = OSError(errno.ENOSPC, "No space left on device")
        patch.setattr(LocalFileSystem, "put_file", Mock(side_effect=full))
        with pytest.raises(FileError, match=r"cannot be written.*No space left on device.*Free some.*it continues"):
            sweep(frame, networks, lambda _: None)
    sweep(frame, networks, lambda _: None)
    assert results(tmp_path / "run") == expected


def test_a_store_or_a_cluster_that_cannot_be_reached_is_one_message(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # nobody listens there
        address = f"127.0.0.1:{free.getsockname()[1]}"
        sweep = Sweep(RayEngine(1, address), str(tmp_path / "store"))
        with pytest.raises(FileError, match=rf"The Ray cluster {address} cannot be reached.*ray start --head"):
            sweep(*tasks(tmp_path), lambda _: None)
    (tmp_path / "file").write_text("")
    for url in (str(tmp_path / "file" / "store"), "nosuchprotocol://store"):
        with pytest.raises(FileError, match=r"The store .* cannot be reached"):
            Store(url)
