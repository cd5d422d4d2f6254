"""Jobs of a sweep: one network each, named by what determines its result, kept in a folder at any fsspec URL.

A job can be started any number of times, on any machine. It continues from the checkpoint in the store, and a job
whose result is there is not started. So workers may die, and the driver may be killed and started again.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec

from bci_app.errors import FileError
from offline.run.fold import RESULT_FILE, Task
from offline.run.watch import Progress, Report
from offline.run.workers import NetworkFrame

if TYPE_CHECKING:
    from offline.sweep.engines import Engine

UPLOAD_SECONDS = 20.0
"""Time between two uploads of a job's checkpoint."""

_PACKAGE = Path(__file__).parents[1]


def code_version() -> str:
    """Return a digest of the code that jobs run, so that workers with another version are noticed."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


class Store:
    """Folders of jobs at a URL.

    Parameters
    ----------
    url : str
        A folder, or any URL that fsspec can write to.

    Raises
    ------
    FileError
        If the URL cannot be reached.
    """

    def __init__(self, url: str) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
            self._files.makedirs(self._root, exist_ok=True)
        except (OSError, ValueError, ImportError) as error:
            raise FileError(
                f"The store {url} cannot be reached",
                found=str(error),
                expected="a folder or a URL that can be written to",
                fix="Check --store; some URLs need another package (s3fs, gcsfs).",
            ) from error

    def finished(self, key: str) -> bool:
        """Return whether the result of a job is there."""
        return bool(self._files.exists(f"{self._root}/{key}/{RESULT_FILE}"))

    def download(self, key: str, folder: Path) -> None:
        """Copy what is there of a job into a folder; the result comes last, as it was written."""
        folder.mkdir(parents=True, exist_ok=True)
        if not self._files.exists(f"{self._root}/{key}"):
            return
        names = [Path(path).name for path in self._files.ls(f"{self._root}/{key}", detail=False)]
        for name in sorted((name for name in names if not name.startswith(".")), key=lambda name: name == RESULT_FILE):
            self._files.get_file(f"{self._root}/{key}/{name}", str(folder / name))

    def upload(self, folder: Path, key: str) -> None:
        """Copy the files of a job's folder into the store, each under a temporary name first; the result comes last.

        Raises
        ------
        FileError
            If the store is full or gone.
        """
        target = f"{self._root}/{key}"
        paths = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        try:
            self._files.makedirs(target, exist_ok=True)
            for path in sorted(paths, key=lambda path: path.name == RESULT_FILE):
                self._files.put_file(str(path), f"{target}/.{path.name}")
                self._files.mv(f"{target}/.{path.name}", f"{target}/{path.name}")
        except OSError as error:
            raise FileError(
                f"The store {self._root} cannot be written",
                found=str(error),
                expected="free space for the checkpoints of all jobs at once",
                fix="Free some, and start the sweep again; it continues from the last checkpoints.",
            ) from error


@dataclass(frozen=True)
class Job:
    """One network of a sweep.

    Attributes
    ----------
    task : Task
        The network; its folder is that of the driver.
    key : str
        Digest of code, settings, windows and network: the job's name in the store.
    version : str
        Digest of the driver's code.
    """

    task: Task
    key: str
    version: str


@dataclass(frozen=True)
class JobFrame:
    """What the jobs of a sweep have in common."""

    networks: NetworkFrame
    url: str

    def run(self, job: Job, report: Report) -> None:
        """Do a job from where it is, in a temporary folder, and leave result and checkpoints in the store.

        Raises
        ------
        FileError
            If this machine has another version of the code than the driver.
        """
        if job.version != code_version():
            raise FileError(
                "A worker has another version of bci-app than the driver",
                found=f"code {code_version()[:12]}",
                expected=f"code {job.version[:12]}",
                fix="Install the same version on all machines, and start the sweep again.",
            )
        store = Store(self.url)
        if store.finished(job.key):
            return
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            store.download(job.key, folder)
            uploaded = time.monotonic()

            def note(progress: Progress) -> None:
                nonlocal uploaded
                report(progress)
                if time.monotonic() - uploaded > UPLOAD_SECONDS:
                    store.upload(folder, job.key)
                    uploaded = time.monotonic()

            self.networks.run([replace(job.task, folder=folder)], note)
            store.upload(folder, job.key)


@dataclass(frozen=True)
class Sweep:
    """Trains the networks of a run elsewhere; `offline.run.run` calls it and then finds every network finished.

    Attributes
    ----------
    engine : Engine
        Runs the jobs.
    url : str
        Where jobs keep checkpoints and results.
    """

    engine: Engine
    url: str

    def __call__(self, frame: NetworkFrame, tasks: Sequence[Task], report: Report) -> None:
        """Do all jobs that are not finished, and copy the results into the folders of the run."""
        store, version = Store(self.url), code_version()
        common = _digest(frame)
        jobs = [Job(task, _key(common, version, task), version) for task in tasks]
        missing = [job for job in jobs if not (job.task.folder / RESULT_FILE).exists()]
        self.engine(JobFrame(frame, self.url), [job for job in missing if not store.finished(job.key)], report)
        for job in missing:
            store.download(job.key, job.task.folder)


def _digest(frame: NetworkFrame) -> bytes:
    """Digest what all jobs depend on: windows, preset, preprocessing, device."""
    digest = hashlib.sha256()
    windows = frame.windows
    for array in (windows.tokens, windows.labels, windows.subject, windows.trial):
        digest.update(repr((array.shape, array.dtype)).encode())
        for part in array:
            digest.update(part.tobytes())
    digest.update(frame.preset.model_dump_json().encode() + frame.preprocessing.model_dump_json().encode())
    digest.update(repr((frame.device, frame.until)).encode())
    return digest.digest()


def _key(common: bytes, version: str, task: Task) -> str:
    digest = hashlib.sha256(common + version.encode())
    digest.update(repr((task.name, task.targets, task.seed, task.subnet_seed)).encode())
    for part in (task.split.train, task.split.validation, task.split.test):
        digest.update(part.tobytes() + b"|")
    return digest.hexdigest()[:32]
