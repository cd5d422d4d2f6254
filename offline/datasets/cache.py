"""Windows kept on disk, memory-mapped, so that a data set is prepared once.

A folder for each combination of data set, subjects and preprocessing, named by their hash::

    <cache>/deap-3f1c…/manifest.json  tokens.npy  labels.npy  subject.npy  session.npy  …

The manifest states the specification, the code's and every source file's hash. A folder whose manifest
does not match what is asked for is never used, and a folder appears only when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import scipy
from numpy.typing import NDArray

import bci_app
from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError
from bci_app.preprocessing import PreprocessingSpec
from offline.datasets.base import Damage, WindowSet
from offline.datasets.files import FileDataset
from offline.datasets.processes import deaf_to_interrupts, process_pool
from offline.datasets.windows import (
    OnSkip,
    Progress,
    SubjectWindows,
    choose_subjects,
    choose_targets,
    join_subjects,
    subject_windows,
)

FORMAT = 3
_MANIFEST = "manifest.json"
START_SECONDS = 4.0
"""What starting processes takes: mostly the import of SciPy in each."""

_ARRAYS = ("tokens", "labels", "subject", "session", "trial", "last", "seconds", "stimulus")
# What decides the windows: the preprocessing, the names of channels, and the loaders.
_CODE = (
    "bci_app/preprocessing/**/*.py",
    "bci_app/recording/*.py",
    "bci_app/montage/*.py",
    "bci_app/simulation/*.py",
    "bci_app/stream.py",
    "offline/datasets/*.py",
)


def prepare(
    dataset: FileDataset,
    spec: PreprocessingSpec,
    cache: Path,
    *,
    subjects: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    on_skip: OnSkip | None = None,
) -> WindowSet:
    """Return the windows of a data set from the cache, and make them first if they are not there.

    Parameters
    ----------
    dataset : FileDataset
        Where the trials come from.
    spec : PreprocessingSpec
        The preprocessing, the same as live.
    cache : Path
        Folder of the cache; made if need be.
    subjects, targets : sequence of str, optional
        Which ones; all by default. All targets are kept, whichever are asked for.
    jobs : int
        Most processes that prepare subjects side by side. One is used for data sets of one file, and where the
        time of the first subject shows that more would not be worth their start.
    progress : callable, optional
        Called with the subjects done and the subjects in all; at once with all if they are there.
    on_skip : callable, optional
        Called with a subject that cannot be used and the reason; it is then left out. Without it
        such a subject is an error.

    Returns
    -------
    WindowSet
        The same as `make_windows` returns, with read-only, memory-mapped tokens.

    Raises
    ------
    DatasetError
        As `make_windows` does, or if the cache cannot be written.
    """
    chosen, names = choose_targets(dataset, targets), choose_subjects(dataset, subjects)
    asked = _asked(dataset, spec, names)
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    folder = cache / f"{dataset.info.name}-{digest[:20]}"
    # Not part of the name: windows made by older code are replaced.
    asked["code"] = code_version()
    manifest = _valid_manifest(folder, asked, dataset, names)
    if manifest is None:
        try:
            manifest = _make(
                dataset, spec, folder, asked=asked, names=names, jobs=jobs, progress=progress, skip=on_skip
            )
        except OSError as error:
            raise DatasetError(
                "The cache of windows cannot be written",
                found=str(error),
                expected=f"a folder with free space at {cache}",
                fix="Choose another folder for the cache.",
            ) from error
    else:
        _report_skipped(manifest, on_skip)
        if progress is not None:
            progress(len(names), len(names))
    return _load(folder, manifest, dataset.info.targets, chosen)


def _asked(dataset: FileDataset, spec: PreprocessingSpec, names: Sequence[str]) -> dict[str, Any]:
    """Describe the windows that are wanted, as JSON reads them back."""
    info = asdict(dataset.info)
    info["targets"] = [target.model_dump(mode="json") for target in dataset.info.targets]
    asked = {
        "format": FORMAT,
        "dataset": info,
        "settings": _settings(dataset),
        "subjects": list(names),
        "preprocessing": spec.model_dump(mode="json"),
    }
    return dict(json.loads(json.dumps(asked)))


def _settings(dataset: Any) -> dict[str, str]:
    return {f.name: str(getattr(dataset, f.name)) for f in fields(dataset)} if is_dataclass(dataset) else {}


def code_version() -> str:
    """Return the hash of the code that makes windows, and of the numerical libraries' versions."""
    root = Path(bci_app.__file__).parents[1]
    digest = hashlib.sha256(f"numpy {np.__version__}, scipy {scipy.__version__}".encode())
    for pattern in _CODE:
        for path in sorted(root.glob(pattern)):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _sources(dataset: FileDataset, names: Sequence[str]) -> Iterator[Path]:
    yield from dict.fromkeys(path for name in names for path in dataset.files(name))


def _fingerprint(path: Path) -> dict[str, Any]:
    """Tell a file from any other; of one that cannot be read, whose subject its loader refuses, the reason."""
    try:
        stat = path.stat()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return {"unreadable": str(error)}
    return {"bytes": stat.st_size, "modified": stat.st_mtime_ns, "sha256": digest}


def _unchanged(path: Path, known: dict[str, Any]) -> bool:
    if "unreadable" in known:
        return _fingerprint(path) == known
    try:
        stat = path.stat()
    except OSError:
        return False
    # Copies and restored backups have another time but the same contents.
    same_stat = (stat.st_size, stat.st_mtime_ns) == (known["bytes"], known["modified"])
    return same_stat or (stat.st_size == known["bytes"] and _fingerprint(path).get("sha256") == known["sha256"])


def _valid_manifest(
    folder: Path, asked: dict[str, Any], dataset: FileDataset, names: Sequence[str]
) -> dict[str, Any] | None:
    """Return the manifest of a folder if it is complete and was made from these files."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        sizes, sources = dict(manifest["arrays"]), dict(manifest["sources"])
        whole = all((folder / f"{name}.npy").stat().st_size == sizes[name] for name in _ARRAYS)
        if not whole or {key: manifest[key] for key in asked} != asked:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    paths = {str(path): path for path in _sources(dataset, names)}
    if set(paths) != set(sources) or not all(_unchanged(path, sources[key]) for key, path in paths.items()):
        return None
    return dict(manifest)


def _make(
    dataset: FileDataset,
    spec: PreprocessingSpec,
    folder: Path,
    *,
    asked: dict[str, Any],
    names: Sequence[str],
    jobs: int,
    progress: Progress | None,
    skip: OnSkip | None,
) -> dict[str, Any]:
    """Make the windows in a folder of another name, and give it its own when all is there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder.parent)
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        # Before any window is made: a file that changes meanwhile then differs from its fingerprint.
        sources = {str(path): _fingerprint(path) for path in _sources(dataset, names)}
        parts, skipped = _prepare_subjects(dataset, spec, partial, names, jobs=jobs, progress=progress, on_skip=skip)
        if not parts:
            raise DatasetError(
                f"No subject of data set {dataset.info.name} can be used", found=f"{len(names)} subjects"
            )
        joined = _write_arrays(partial, parts, dataset.info.targets)
        manifest = asked | {
            "sources": sources,
            "kept": list(parts),
            "skipped": skipped,
            "copies": [list(pair) for pair in joined.copies],
            "damage": [[found.what, found.why] for found in joined.damage],
            "digest": _digest(partial, list(parts), dataset.info.targets),
            "arrays": {name: (partial / f"{name}.npy").stat().st_size for name in _ARRAYS},
        }
        (partial / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)  # noqa: PTH105
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _remove_abandoned(cache: Path) -> None:
    """Remove what processes that were killed have left behind."""
    for path in cache.glob("*.partial"):
        owner = path.name.split(".")[-2]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(path, ignore_errors=True)


def _prepare_subjects(
    dataset: FileDataset,
    spec: PreprocessingSpec,
    partial: Path,
    names: Sequence[str],
    *,
    jobs: int,
    progress: Progress | None,
    on_skip: OnSkip | None,
) -> tuple[dict[str, SubjectWindows], dict[str, dict[str, str | None]]]:
    """Prepare every subject; tokens go to a file each, so that memory holds few at a time."""
    parts: dict[str, SubjectWindows] = {}
    skipped: dict[str, dict[str, str | None]] = {}
    for done, (name, result) in enumerate(_results(dataset, spec, partial, names, jobs), start=1):
        if isinstance(result, DatasetError):
            if on_skip is None:
                raise result
            on_skip(name, result)
            skipped[name] = {key: getattr(result, key) for key in ("summary", "found", "expected", "fix")}
        else:
            parts[name] = result
        if progress is not None:
            progress(done, len(names))
    return {name: parts[name] for name in names if name in parts}, skipped


def _results(
    dataset: FileDataset, spec: PreprocessingSpec, partial: Path, names: Sequence[str], jobs: int
) -> Iterator[tuple[str, SubjectWindows | DatasetError]]:
    """Yield each subject's windows without tokens, or what is wrong with it, as it gets done.

    The time of the first subject shows whether processes would save more than they take to start.
    """
    numbered = [(_part(partial, number), name) for number, name in enumerate(names)]
    shared = len({file for name in names for file in dataset.files(name)[:1]}) == 1
    while numbered:
        (path, name), *numbered = numbered
        start = time.perf_counter()
        result = _prepare_subject(dataset, spec, name, path)
        saved = (time.perf_counter() - start) * len(numbered) * (1 - 1 / jobs)
        yield name, result
        if not shared and saved > START_SECONDS:
            break
    if numbered:
        yield from _side_by_side(dataset, spec, numbered, jobs)


def _side_by_side(
    dataset: FileDataset, spec: PreprocessingSpec, numbered: Sequence[tuple[Path, str]], jobs: int
) -> Iterator[tuple[str, SubjectWindows | DatasetError]]:
    """Prepare subjects in processes."""
    killed = DatasetError(
        "A process that prepared windows died",
        found=f"{jobs} processes at once",
        expected="memory for all of them",
        fix="Try again with fewer jobs.",
    )
    with process_pool(min(jobs, len(numbered)), killed=killed) as pool:
        light = _light(dataset)
        with deaf_to_interrupts():
            futures = {pool.submit(_prepare_subject, light, spec, name, path): name for path, name in numbered}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _light(dataset: Any) -> Any:
    """Return a copy with the settings and none of the arrays read so far."""
    return replace(dataset) if is_dataclass(dataset) and not isinstance(dataset, type) else dataset


def _part(partial: Path, number: int) -> Path:
    return partial / f"part-{number}.npy"


def _prepare_subject(
    dataset: FileDataset, spec: PreprocessingSpec, name: str, path: Path
) -> SubjectWindows | DatasetError:
    try:
        made = subject_windows(dataset, spec, name, targets=dataset.info.targets)
    except DatasetError as error:
        return error
    np.save(path, made.tokens, allow_pickle=False)
    return replace(made, tokens=made.tokens[:0].copy())


def _write_arrays(partial: Path, parts: dict[str, SubjectWindows], targets: Sequence[Target]) -> WindowSet:
    """Write one file for each array of the set and remove the files of the subjects."""
    n = sum(len(part.last) for part in parts.values())
    shape = next(iter(parts.values())).tokens.shape[1:]
    tokens = np.lib.format.open_memmap(partial / "tokens.npy", mode="w+", dtype=np.float32, shape=(n, *shape))
    files = sorted(partial.glob("part-*.npy"), key=lambda path: int(path.stem.split("-")[1]))
    row = 0
    for path in files:
        part = np.load(path, mmap_mode="r", allow_pickle=False)
        tokens[row : row + len(part)] = part
        row += len(part)
        del part
        path.unlink()
    tokens.flush()
    joined = join_subjects(list(parts.values()), list(parts), targets, tokens=tokens)
    for name in _ARRAYS[1:]:
        np.save(partial / f"{name}.npy", getattr(joined, name), allow_pickle=False)
    return joined


def _digest(folder: Path, subjects: Sequence[str], targets: Sequence[Target]) -> str:
    """Hash the windows of a folder, whatever their files are called and wherever they lie."""
    names = {"subjects": list(subjects), "targets": [target.model_dump(mode="json") for target in targets]}
    digest = hashlib.sha256(json.dumps(names, sort_keys=True).encode())
    for name in _ARRAYS:
        with (folder / f"{name}.npy").open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _report_skipped(manifest: dict[str, Any], on_skip: OnSkip | None) -> None:
    for name, error in manifest["skipped"].items():
        known = DatasetError(error["summary"], found=error["found"], expected=error["expected"], fix=error["fix"])
        if on_skip is None:
            raise known
        on_skip(name, known)


def _load(folder: Path, manifest: dict[str, Any], targets: Sequence[Target], chosen: tuple[Target, ...]) -> WindowSet:
    columns = [list(targets).index(target) for target in chosen]
    arrays: dict[str, NDArray[Any]] = {
        name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in _ARRAYS if name != "tokens"
    }
    arrays["labels"] = arrays["labels"][:, columns]
    tokens = np.load(folder / "tokens.npy", mmap_mode="r", allow_pickle=False)
    return WindowSet(
        tokens=tokens,
        targets=chosen,
        subjects=tuple(manifest["kept"]),
        copies=tuple((first, second) for first, second in manifest["copies"]),
        damage=tuple(Damage(what, why) for what, why in manifest["damage"]),
        digest=manifest["digest"],
        **arrays,
    )
