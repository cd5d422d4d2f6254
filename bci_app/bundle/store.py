"""Reading and writing the bundle folder."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from bci_app.bundle.spec import GOLDEN_FILE, MODEL_FILE, SPEC_FILE, Bundle
from bci_app.errors import BundleError

_FILES = {MODEL_FILE, SPEC_FILE, GOLDEN_FILE}
# A bundle holds a small network; anything larger is a mistake or an attack.
_LARGEST_MODEL = 200 * 2**20
# Arrays of a golden record: kinds of dtype, dimensions.
_GOLDEN = {
    "raw": ("f", 2),
    "channels": ("U", 1),
    "rate": ("fiu", 0),
    "samples": ("iu", 1),
    "tokens": ("f", 3),
    "probabilities": ("f", 3),
}
OPTIONAL = {"distances": ("f", 1), "sets": ("iu", 3)}
"""Arrays that the golden record has where the bundle has a domain check or conformal thresholds."""
# All that zipfile, zlib and NumPy raise over a damaged archive.
_DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    OverflowError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
)


@dataclass(frozen=True)
class LoadedBundle:
    """A bundle whose files are there, well-formed and unaltered.

    Attributes
    ----------
    folder : Path
        Where it lies.
    spec : Bundle
        The contents of ``bundle.json``.
    model : bytes
        The ONNX graph.
    """

    folder: Path
    spec: Bundle
    model: bytes


def sha256(model: bytes) -> str:
    """Hash a graph as ``bundle.json`` states it."""
    return hashlib.sha256(model).hexdigest()


def load_bundle(folder: Path | str) -> LoadedBundle:
    """Read a bundle and check that its files belong together.

    Raises
    ------
    BundleError
        If a file is missing, ``bundle.json`` is malformed or of another version, or the graph is
        not the one that it names.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BundleError(
            f"There is no bundle at {folder}",
            found="a file" if folder.exists() else "nothing",
            expected=f"a folder with {SPEC_FILE} and {MODEL_FILE}",
            fix="Name the folder of a bundle, for example exported_models/mental-load.",
        )
    try:
        text = (folder / SPEC_FILE).read_text(encoding="utf-8")
        if (folder / MODEL_FILE).stat().st_size > _LARGEST_MODEL:
            raise BundleError(f"{folder / MODEL_FILE} is too large", expected=f"at most {_LARGEST_MODEL} bytes")
        model = (folder / MODEL_FILE).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(
            f"Cannot read the bundle {folder}",
            found=str(error),
            expected=f"readable {SPEC_FILE} and {MODEL_FILE}",
            fix="Copy the whole folder again.",
        ) from error
    try:
        spec = Bundle.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the top"
        raise BundleError(
            f"{folder / SPEC_FILE} is not a bundle description of version 1 or 2",
            found=f"{error.error_count()} faults, the first at {place}: {first['msg']}",
            fix="Export the model again with this version of bci-offline.",
        ) from error
    if sha256(model) != spec.model_sha256:
        raise BundleError(
            f"{folder / MODEL_FILE} is not the graph that {SPEC_FILE} describes",
            found=f"sha256 {sha256(model)[:16]}…",
            expected=f"sha256 {spec.model_sha256[:16]}…",
            fix="Copy the whole folder again, or export the model again.",
        )
    return LoadedBundle(folder, spec, model)


def load_golden(folder: Path) -> dict[str, NDArray[np.generic]]:
    """Read ``golden.npz``.

    Raises
    ------
    BundleError
        If it is missing or malformed.
    """
    path = folder / GOLDEN_FILE
    try:
        if path.stat().st_size > _LARGEST_MODEL:
            raise BundleError(f"{path} is too large", expected=f"at most {_LARGEST_MODEL} bytes")
        content = path.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            wanted = _GOLDEN | {key: kinds for key, kinds in OPTIONAL.items() if key in archive}
            golden = {key: archive[key] for key in wanted}
    except _DAMAGED as error:
        raise BundleError(
            f"Cannot read {path}",
            found=str(error) or type(error).__name__,
            expected="a golden record",
            fix="Copy the whole folder again, or export the model again.",
        ) from error
    wrong = [
        key for key, (kinds, ndim) in wanted.items() if golden[key].dtype.kind not in kinds or golden[key].ndim != ndim
    ]
    if wrong:
        raise BundleError(
            f"{path} is not a golden record",
            found=", ".join(f"{key} of type {golden[key].dtype} and shape {golden[key].shape}" for key in wrong),
            fix="Copy the whole folder again, or export the model again.",
        )
    return golden


def require_replaceable(folder: Path) -> None:
    """Check that a bundle may be written to a folder: it is not there, is empty, or is a bundle and nothing else.

    Raises
    ------
    BundleError
        If something else would be lost.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if folder.is_dir() and (not names or (SPEC_FILE in names and names <= _FILES)):
        return
    others = sorted(names - _FILES) or sorted(names)
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    raise BundleError(
        f"{folder} would be replaced by a bundle",
        found=f"{', '.join(others[:3])}{more} in it" if names else "a file",
        expected="a new or empty folder, or that of a bundle",
        fix="Choose another folder.",
    )


def save_bundle(folder: Path, spec: Bundle, model: bytes, golden: Mapping[str, NDArray[np.generic]]) -> None:
    """Write a bundle whole or not at all; one that is there is replaced, and nothing else is.

    Raises
    ------
    BundleError
        If the folder cannot be written, or holds anything but a bundle.
    """
    folder = folder.resolve()
    require_replaceable(folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        partial.mkdir(parents=True)
        (partial / MODEL_FILE).write_bytes(model)
        (partial / SPEC_FILE).write_text(spec.model_dump_json(indent=2) + "\n", encoding="utf-8")
        with (partial / GOLDEN_FILE).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **golden)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
    except OSError as error:
        raise BundleError(
            f"Cannot write the bundle {folder}", found=str(error), fix="Choose another folder."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def shipped_models() -> Path:
    """Return the folder of the bundles that ship with the project."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "exported_models"
    return installed if installed.is_dir() else package.parent / "exported_models"


def find_bundle(name: str) -> Path:
    """Find a bundle by its folder, or by the name of one that ships.

    Raises
    ------
    BundleError
        If there is neither.
    """
    shipped = shipped_models()
    for folder in (Path(name), shipped / name):
        if folder.is_dir():
            return folder
    # A path written from the checkout works from everywhere.
    if Path(name).parent.name == shipped.name and (shipped / Path(name).name).is_dir():
        return shipped / Path(name).name
    known = sorted(entry.name for entry in shipped.iterdir() if entry.is_dir()) if shipped.is_dir() else []
    raise BundleError(
        f"There is no bundle {name!r}",
        found="no such folder",
        expected=f"a bundle folder, or one that ships: {', '.join(known) or 'none'}",
        fix="Name the folder that holds bundle.json.",
    )
