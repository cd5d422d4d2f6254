"""EEG During Mental Arithmetic Tasks (PhysioNet): rest against serial subtraction, 36 people.

Zyma et al. 2019, *Data* 4(1):14; PhysioNet 1.0.0, doi 10.13026/C2JQ1P. The loader reads the original EDF
files, or arrays of the same recordings in one npz file.
"""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError
from bci_app.montage.names import canonical, is_electrode, match_channels, select_channels
from bci_app.recording.parsing import PARSER_ERRORS
from offline.datasets.base import DatasetInfo, Trial
from offline.datasets.downloads.archives import PhysioNet
from offline.datasets.entry import DatasetEntry
from offline.datasets.files import FileDataset, natural, require_finite
from offline.datasets.labels import Threshold
from offline.datasets.recorded import eeg_microvolts, open_recording

CHANNELS = (
    "Fp1", "Fp2", "F3", "F4", "F7", "F8", "T7", "T8", "C3", "C4", "P7", "P8", "P3", "P4", "O1", "O2",
    "Fz", "Cz", "Pz",
)  # fmt: skip
"""As recorded, under the names of the extended 10-20 system (the files say T3 T4 T5 T6)."""

REST_SECONDS = 30.0
"""The start of the rest recording. It is the baseline of the session and never scored."""

_FILE = re.compile(r"^Subject(\d+)_([12])\.edf$", re.IGNORECASE)
_CONDITIONS = ("rest", "arithmetic")
_EXPECTED = "arrays X (recordings, channels, samples), y (0 or 1), subject, ch_names, sfreq, scale_uV"
_EXACT = 2**24
"""Whole numbers below it are exact in every floating type that is read."""

_PADDING_UV = 0.5
"""The original files end with a second or two of padding, whose amplitude stays below this."""

INFO = DatasetInfo(
    name="eegmat",
    title="EEG During Mental Arithmetic Tasks 1.0.0",
    source="PhysioNet, doi 10.13026/C2JQ1P (Zyma et al. 2019, doi 10.3390/data4010014)",
    licence="Open Data Commons Attribution Licence 1.0 (ODC-BY 1.0)",
    obtain="bci-offline datasets get eegmat downloads it from https://physionet.org/content/eegmat/1.0.0/",
    expected_files="Subject00_1.edf, Subject00_2.edf … Subject35_1.edf, Subject35_2.edf, or one .npz of their arrays",
    targets=(
        Target(
            name="mental_load",
            classes=("low", "high"),
            description="low: rest; high: serial subtraction done silently",
        ),
    ),
    channels=CHANNELS,
    rate=500.0,
    rest_seconds=REST_SECONDS,
    demo_subjects=("Subject01",),
    intended_use="Research and demonstration: separating rest from mental arithmetic, with 30 s of rest with eyes "
    "closed as the person's own baseline.",
    limitations="Mental load, not emotion. Learnt from healthy young adults, eyes closed, one headset, one task. "
    "Networks that learn with rest as the only baseline show how far spectra have left it, in whatever direction. "
    "Rest and arithmetic are two recordings of one session. The authors cleaned each of them separately, so changes "
    "over time or from the cleaning may help to separate them. Eyes that open lower alpha power, which reads as load.",
    caution="The settings of the preset compact were chosen on this data set, so its scores are somewhat too good; "
    "docs/compact-preset.md shows by how much.",
    bundle_name="mental-load",
    bundle_title="Mental load (mental arithmetic)",
)


def _trials(
    subject: str,
    data: tuple[NDArray[np.float64], NDArray[np.float64]],
    rate: float,
    channels: tuple[str, ...] = CHANNELS,
) -> Iterator[Trial]:
    """Make the trials from the rest and arithmetic recordings (n_samples, n_channels) in µV of one subject."""
    rest, arithmetic = data
    common = Trial(
        subject=subject,
        session=subject,
        trial=_CONDITIONS[0],
        data=rest,
        rate=rate,
        channels=channels,
        labels={"mental_load": 0},
        scored_from=round(REST_SECONDS * rate),
    )
    yield common
    yield replace(
        common, trial=_CONDITIONS[1], data=arithmetic, labels={"mental_load": 1}, scored_from=0, rest=rest
    )  # fmt: skip


@dataclass(frozen=True)
class EegmatArrays:
    """Recordings in one npz file.

    Parameters
    ----------
    path : Path
        npz with ``X`` integer or floating (n_recordings, n_channels, n_samples), ``scale_uV`` (µV in one unit of
        ``X``), ``y`` (0 rest, 1 arithmetic), ``subject`` (numbers or names), ``ch_names`` in any order, ``sfreq``.
        Where channels of EEGMAT are missing, the electrodes that are there count.
    """

    path: Path

    @property
    def info(self) -> DatasetInfo:
        """Its description."""
        return replace(INFO, rate=float(self._arrays["sfreq"].item()), channels=self._channels)

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        try:
            with (
                warnings.catch_warnings(),
                self.path.open("rb") as file,
                np.lib.npyio.NpzFile(file, allow_pickle=False) as archive,
            ):
                warnings.simplefilter("ignore")  # numpy warns of odd headers before it fails on them
                arrays = {key: archive[key] for key in ("X", "y", "subject", "ch_names", "sfreq", "scale_uV")}
        except (*PARSER_ERRORS, BadZipFile, TokenError, zlib.error) as error:
            raise DatasetError(
                f"Cannot read {self.path.name} as recordings of EEGMAT",
                found=str(error).strip("'\"") or type(error).__name__,
                expected=_EXPECTED,
                fix="Pass an npz file with these arrays, or the folder of the EDF files.",
            ) from error
        arrays |= {key: _whole(arrays[key]) for key in ("y", "subject")}
        if not _shapes_fit(arrays):
            raise DatasetError(
                f"{self.path.name} does not have the shape of EEGMAT recordings",
                found=", ".join(f"{key} {value.dtype} {value.shape}" for key, value in arrays.items()),
                expected=_EXPECTED,
            )
        return arrays

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        return (self.path,)

    def subjects(self) -> list[str]:
        """Subjects that are there, in natural order."""
        return sorted(set(self._names), key=natural)

    @cached_property
    def _names(self) -> list[str]:
        """Name of each recording's subject; numbers are named as in the original files."""
        texts = (_text(value) for value in self._arrays["subject"])
        return [f"Subject{int(text):02d}" if text.isdecimal() else text for text in texts]

    @cached_property
    def _channels(self) -> tuple[str, ...]:
        """Those of EEGMAT where all are there; those of the file where it comes from another laboratory."""
        names = [_text(name) for name in self._arrays["ch_names"]]
        if None not in match_channels(INFO.channels, names):
            return INFO.channels
        if unknown := [name for name in names if not is_electrode(name)]:
            raise DatasetError(
                f"The channels of {self.path.name} are neither those of EEGMAT nor electrodes",
                found=", ".join(unknown),
                expected="names of the 10-10 system",
                fix="Leave out of the file what is no electrode.",
            )
        return tuple(canonical(name) for name in names)

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject: rest, then arithmetic."""
        arrays, pair = self._arrays, []
        order = select_channels(self._channels, [_text(name) for name in arrays["ch_names"]])
        for condition, name in enumerate(_CONDITIONS):
            rows = [
                i
                for i, (n, y) in enumerate(zip(self._names, arrays["y"], strict=True))
                if (n, y) == (subject, condition)
            ]
            if len(rows) != 1:
                raise DatasetError(
                    f"{subject} of {self.path.name} is incomplete",
                    found=f"{len(rows)} {name} recordings",
                    expected="one rest and one arithmetic recording",
                )
            # (channels, samples) → (samples, channels)
            raw = np.ascontiguousarray(arrays["X"][rows[0], order].T, dtype=np.float64)
            pair.append(require_finite(raw * arrays["scale_uV"].item(), f"{subject} {name} of {self.path.name}"))
        yield from _trials(subject, (pair[0], pair[1]), float(arrays["sfreq"].item()), self._channels)


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Convert flags and whole numbers of any type to integers, and return anything else unchanged."""
    if values.dtype.kind == "b" or (values.dtype.kind == "f" and (np.abs(values) < _EXACT).all()):
        whole = values.astype(np.int64)
        return whole if (whole == values).all() else values
    return values


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _shapes_fit(arrays: dict[str, NDArray[Any]]) -> bool:
    n = arrays["y"].size
    scalars = [arrays[key] for key in ("sfreq", "scale_uV")]
    return bool(
        arrays["X"].dtype.kind in "iuf"
        and arrays["X"].ndim == 3
        and arrays["X"].shape[:2] == (n, arrays["ch_names"].size)
        and arrays["ch_names"].shape == (arrays["ch_names"].size,)
        and arrays["y"].shape == arrays["subject"].shape == (n,)
        and arrays["y"].dtype.kind in "iu"
        and arrays["subject"].dtype.kind in "iuUS"
        and arrays["ch_names"].dtype.kind in "US"
        and np.isin(arrays["y"], (0, 1)).all()
        and all(s.size == 1 and s.dtype.kind in "iuf" and np.isfinite(s).all() and (s > 0).all() for s in scalars)
    )


@dataclass(frozen=True)
class EegmatFolder:
    """The original EDF files, whole recordings at 500 Hz without the padding at their end."""

    root: Path

    @property
    def info(self) -> DatasetInfo:
        """Its description."""
        return INFO

    @cached_property
    def _found(self) -> dict[str, dict[int, Path]]:
        files: dict[str, dict[int, Path]] = {}
        for path in sorted(self.root.iterdir()):
            if match := _FILE.match(path.name):
                files.setdefault(f"Subject{int(match[1]):02d}", {})[int(match[2])] = path
        return files

    @cached_property
    def _complete(self) -> dict[str, dict[int, Path]]:
        return {subject: pair for subject, pair in sorted(self._found.items()) if len(pair) == 2}

    @property
    def n_complete(self) -> int:
        """Number of people of whom both recordings are there."""
        return len(self._complete)

    @property
    def _files(self) -> dict[str, dict[int, Path]]:
        if not self._complete:
            raise DatasetError(
                "No subject of EEGMAT is complete there",
                found=f"{sum(map(len, self._found.values()))} of its files in {self.root}",
                expected=INFO.expected_files,
                fix=INFO.obtain,
            )
        return self._complete

    def subjects(self) -> list[str]:
        """Subjects of whom both recordings are there, in natural order."""
        return list(self._files)

    def files(self, subject: str) -> tuple[Path, ...]:
        """Files that hold a subject."""
        return tuple(self._files[subject].values())

    def trials(self, subject: str) -> Iterator[Trial]:
        """Trials of one subject: rest, then arithmetic."""
        (rest, rate), (arithmetic, other) = (_read_edf(self._files[subject][number]) for number in (1, 2))
        if rate != other:
            raise DatasetError(
                f"The recordings of {subject} differ in their rate",
                found=f"{rate:g} and {other:g} Hz",
                expected="one rate",
            )
        yield from _trials(subject, (rest, arithmetic), rate)


def _read_edf(path: Path) -> tuple[NDArray[np.float64], float]:
    """Read the 19 EEG channels in µV, shape (n_samples, 19), and the rate in Hz."""
    recording = open_recording(path)
    data = eeg_microvolts(recording, CHANNELS, slice(None), path.name)
    signal = np.flatnonzero(np.abs(data).max(axis=1) > _PADDING_UV)
    if not signal.size:
        raise DatasetError(f"{path.name} holds no signal", found=f"nothing above {_PADDING_UV} µV", expected="EEG")
    return data[: signal[-1] + 1], recording.info.rate


def _open(root: Path, _: Threshold) -> FileDataset:
    """Open an npz file or a folder. Of a folder with both, what holds more people is read."""
    if root.is_file():
        return EegmatArrays(root)
    archives = sorted(root.glob("*.npz"))
    if len(archives) > 1:
        raise DatasetError(
            f"{root} holds several npz files",
            found=", ".join(path.name for path in archives),
            expected="one at most",
            fix="Name the file itself with --root.",
        )
    folder = EegmatFolder(root)
    if archives and len(EegmatArrays(archives[0]).subjects()) > folder.n_complete:
        return EegmatArrays(archives[0])
    return folder


_PEOPLE = 36
ARCHIVE = PhysioNet(
    "eegmat/1.0.0",
    names=(*(f"Subject{n:02d}_{k}.edf" for n in range(_PEOPLE) for k in (1, 2)), "subject-info.csv"),
)
ENTRY = DatasetEntry(info=INFO, open=_open, archive=ARCHIVE)
