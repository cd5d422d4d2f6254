"""A profile: what a person's own trials add to one bundle. JSON beside arrays, and no pickle.

It lies with the user's data, never inside the bundle.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bci_app.atomic import write_atomically
from bci_app.bundle.conformal import Conformal
from bci_app.bundle.spec import Bundle
from bci_app.errors import ProfileError
from bci_app.learn.calibration import Calibration
from bci_app.learn.features import EMBEDDING
from bci_app.learn.folds import Array, Head

PROFILE_FILE = "profile.json"
ARRAYS_FILE = "arrays.npz"

Finite = Annotated[float, Field(allow_inf_nan=False)]


class ProfileSpec(BaseModel):
    """The contents of ``profile.json``.

    Attributes
    ----------
    participant : str
        Code of the person.
    bundle, model_sha256, preprocessing : str
        The bundle that it belongs to, the hash of its graph, and the digest of its preprocessing.
    channels : tuple of str
        Electrodes of the bundle that the person's trials were recorded with.
    target : str
        What the head predicts.
    classes : tuple of (str, str)
        Its classes; the head's score is above 0 for the second.
    features : {"embedding", "band power"}
        What the head reads.
    slope, offset : float
        Calibration of its score.
    conformal : Conformal or None
        How its sets of classes are made; None if it was learnt from too few trials, or before there were sets.
    arrays_sha256 : str
        Hash of ``arrays.npz``.
    verdict : mapping
        What it is worth (see `Verdict`).
    recordings : tuple of str
        Files that it was learnt from.
    created : str
        When, ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["bci-app-profile"] = "bci-app-profile"
    version: Literal[1] = 1
    participant: str
    bundle: str
    model_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    preprocessing: str
    channels: tuple[str, ...]
    target: str
    classes: tuple[str, str]
    features: Literal["embedding", "band power"]
    slope: Finite
    offset: Finite
    conformal: Conformal | None = None
    arrays_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    verdict: dict[str, Any]
    recordings: tuple[str, ...] = ()
    created: str

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.conformal is not None and len(self.conformal.thresholds) != len(self.classes):
            raise ValueError(f"{len(self.conformal.thresholds)} conformal thresholds for {len(self.classes)} classes")
        return self


@dataclass(frozen=True)
class Memory:
    """What is kept of the trials, so that a head can be fitted again with more of them.

    Attributes
    ----------
    means : ndarray, shape (n_trials, n_features)
        Mean features of each trial.
    second : ndarray, shape (n_features, n_features)
        Sum over trials of their mean products.
    high : ndarray of bool, shape (n_trials,)
        Class of each trial.
    penalty : float
        Of the ridge.
    """

    means: Array
    second: Array
    high: NDArray[np.bool_]
    penalty: float


@dataclass(frozen=True)
class Profile:
    """A loaded profile."""

    spec: ProfileSpec
    head: Head
    memory: Memory

    @property
    def calibration(self) -> Calibration:
        """From scores to probabilities."""
        return Calibration(self.spec.slope, self.spec.offset)

    def require_channels(self, channels: Sequence[str]) -> None:
        """Check that electrodes are those that it was learnt with, in any order.

        Raises
        ------
        ProfileError
            If they are others.
        """
        if set(channels) != set(self.spec.channels):
            raise ProfileError(
                f"The profile of {self.spec.participant} was made for another montage",
                found=", ".join(channels),
                expected=", ".join(self.spec.channels),
                fix="Use the same electrodes, or learn a new profile with these.",
            )

    def require_fit(self, bundle: Bundle) -> None:
        """Check that it belongs to a bundle.

        Raises
        ------
        ProfileError
            If it was learnt with another graph or preprocessing, or its head does not fit.
        """
        spec = self.spec
        for what, found, expected in (
            ("bundle", f"{spec.bundle} {spec.model_sha256[:12]}", f"{bundle.name} {bundle.model_sha256[:12]}"),
            ("preprocessing", spec.preprocessing[:12], bundle.preprocessing.digest[:12]),
        ):
            if found != expected:
                raise ProfileError(
                    f"The profile of {spec.participant} was made for another {what}",
                    found=found,
                    expected=expected,
                    fix="Choose the bundle that it was made for, or learn a new profile.",
                )
        n_band_powers = len(spec.channels) * bundle.preprocessing.n_features
        width = bundle.embedding_dim if spec.features == EMBEDDING else n_band_powers
        if self.head.weights.shape != (width,):
            raise ProfileError(
                f"The profile of {spec.participant} does not fit {bundle.name}",
                found=f"{self.head.weights.size} weights",
                expected=f"{width}",
                fix="Learn a new profile.",
            )


def profiles_folder() -> Path:
    """Return where profiles lie among the user's data."""
    return Path(os.environ.get("BCI_APP_PROFILES") or Path.home() / "bci-app profiles")


def save_profile(folder: Path, spec_values: dict[str, Any], head: Head, memory: Memory) -> Profile:
    """Write a profile; an older one in the folder is replaced.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    spec_values : dict
        The fields of `ProfileSpec` but the hash and the moment.
    head, memory
        The arrays.

    Raises
    ------
    ProfileError
        If it cannot be written.
    """
    buffer = io.BytesIO()
    np.savez(
        buffer,
        weights=head.weights,
        bias=np.float64(head.bias),
        means=memory.means,
        second=memory.second,
        high=memory.high,
        penalty=np.float64(memory.penalty),
    )
    arrays = buffer.getvalue()
    spec = ProfileSpec(
        **spec_values,
        arrays_sha256=hashlib.sha256(arrays).hexdigest(),
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    try:
        write_atomically(folder / ARRAYS_FILE, arrays)
        write_atomically(folder / PROFILE_FILE, spec.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise ProfileError(
            f"Cannot write the profile to {folder}",
            found=error.strerror or str(error),
            expected="a folder on a disk with free space",
            fix="Choose another folder with --out.",
        ) from error
    return Profile(spec, head, memory)


def load_profile(folder: Path) -> Profile:
    """Read a profile.

    Raises
    ------
    ProfileError
        If a file is missing, malformed, of another version, or altered.
    """
    try:
        spec = ProfileSpec.model_validate_json((folder / PROFILE_FILE).read_bytes())
        arrays = (folder / ARRAYS_FILE).read_bytes()
    except (OSError, ValidationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror or str(error)
        raise ProfileError(
            f"There is no profile in {folder}",
            found=reason,
            expected=f"{PROFILE_FILE} of version 1 and {ARRAYS_FILE}",
            fix="Name the folder that bci-app learn wrote.",
        ) from error
    digest = hashlib.sha256(arrays).hexdigest()
    if digest != spec.arrays_sha256:
        raise ProfileError(
            f"{folder / ARRAYS_FILE} is not the file that {PROFILE_FILE} describes",
            found=f"sha256 {digest[:16]}…",
            expected=f"sha256 {spec.arrays_sha256[:16]}…",
            fix="Copy the whole folder again, or learn a new profile.",
        )
    try:
        with np.load(io.BytesIO(arrays), allow_pickle=False) as archive:
            head = Head(_array(archive["weights"], 1), float(archive["bias"]))
            memory = Memory(
                _array(archive["means"], 2),
                _array(archive["second"], 2),
                archive["high"].astype(np.bool_),
                float(archive["penalty"]),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ProfileError(
            f"Cannot read {folder / ARRAYS_FILE}", found=str(error), fix="Learn a new profile."
        ) from error
    return Profile(spec, head, memory)


def _array(values: NDArray[Any], dimensions: int) -> Array:
    if values.ndim != dimensions or values.dtype.kind != "f" or not np.isfinite(values).all():
        raise ValueError(f"an array of shape {values.shape} and type {values.dtype}")
    return values.astype(np.float64)
