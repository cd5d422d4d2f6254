"""Synthetic files in the formats of DEAP, DREAMER and SEED, with a label effect of known strength.

No original file of these data sets may be passed on. These files have their shapes, names, units and
oddities, so that everything can be tried and tested without them. A model trained on them has
learned nothing about people: a `synthetic.json` beside the files marks them, and every loader reads it.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat
from scipy.special import ndtri

from bci_app.errors import DatasetError
from offline.atomic import write_atomically
from offline.datasets import deap, dreamer
from offline.datasets.files import SYNTHETIC_MARK
from offline.datasets.seed import CHANNELS as SEED_CHANNELS
from offline.datasets.seed import LABELS as SEED_LABELS
from offline.datasets.seed import RATE as SEED_RATE
from offline.datasets.synth_signal import Array, Person, Strengths, band_limited, course
from offline.datasets.windows import Progress

_CLIP_SECONDS = {"dreamer": (65, 100), "seed": (40, 60)}
_SEED_SESSIONS = ("20131027", "20131030", "20131107")


def synth(
    kind: str,
    folder: Path,
    *,
    subjects: int,
    trials: int,
    seed: int = 0,
    strengths: Strengths | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write synthetic files in the format of a data set.

    Parameters
    ----------
    kind : {"deap", "dreamer", "seed"}
        The format. DREAMER's films last 65 to 100 s and SEED's 40 to 60 s, shorter than the originals.
    folder : Path
        Where to; made if need be. Files of the same names are not replaced.
    subjects, trials : int
        How many; the originals have 32 × 40, 23 × 18 and 15 × 15 (in each of three sessions). With
        fewer trials the arrays are shorter and otherwise the same.
    seed : int
        The same seed makes the same files.
    strengths : Strengths, optional
        Strength of the label effect and of what hides it.
    progress : callable, optional
        Called with the subjects done and the subjects in all.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    DatasetError
        If the format is unknown, a number is out of range or a file is there already.
    """
    try:
        write, most_subjects, most_trials = _KINDS[kind]
    except KeyError:
        raise DatasetError("Unknown synthetic format", found=repr(kind), expected=", ".join(_KINDS)) from None
    for what, number, least, most in (("subjects", subjects, 1, most_subjects), ("trials", trials, 2, most_trials)):
        if not least <= number <= most:
            raise DatasetError(f"Cannot make so many {what}", found=str(number), expected=f"{least} to {most}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError(
            "Synthetic files need a folder of their own", found=str(folder), expected="an empty or new folder"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(
            "The folder for synthetic files cannot be made", found=str(error), fix="Name another one."
        ) from error
    strengths = strengths or Strengths()
    # First of all, so that no synthetic file is ever without it.
    mark = {"kind": kind, "subjects": subjects, "trials": trials, "seed": seed, "strengths": asdict(strengths)}
    write_atomically(folder / SYNTHETIC_MARK, json.dumps(mark, indent=2) + "\n")
    rngs = np.random.default_rng([seed, sorted(_KINDS).index(kind)]).spawn(subjects)
    return write(folder, trials, rngs, strengths, progress or _silent)


def _silent(_done: int, _total: int) -> None:
    """Show no progress."""


def _replace(path: Path, write: Callable[[Path], object]) -> Path:
    unfinished = path.with_name(path.name + ".partial")
    write(unfinished)
    os.replace(unfinished, path)  # noqa: PTH105
    return path


def _ratings(n: int, n_targets: int, rng: np.random.Generator) -> Array:
    """Draw standard scores (n, n_targets), each column evenly spread, slightly more high than low."""
    spread = ndtri((np.arange(n) + 0.5) / n)
    # A little shared order makes the columns correlate as self-ratings do.
    shared = rng.normal(size=n)
    columns = [spread[np.argsort(np.argsort(0.4 * shared + rng.normal(size=n)))] for _ in range(n_targets)]
    return np.stack(columns, axis=1) + 0.15


def _write_deap(
    folder: Path, trials: int, rngs: list[np.random.Generator], strengths: Strengths, progress: Progress
) -> list[Path]:
    paths = []
    for number, rng in enumerate(rngs, start=1):
        person = Person(deap.CHANNELS, 128.0, strengths, rng)
        session = person.session(rng)
        labels = np.clip(5.0 + 1.8 * _ratings(trials, 4, rng), 1, 9).round(2)
        data = np.empty((trials, deap.ROWS, deap.SAMPLES))
        for signals, row in zip(data, labels, strict=True):
            levels = {name: deap.THRESHOLD.label(r) - 0.5 for name, r in zip(deap.TARGETS, row, strict=True)}
            signals[:] = _deap_trial(person, session, levels, rng).T
        path = folder / f"s{number:02d}.dat"
        paths.append(_replace(path, partial(write_python2_pickle, arrays={"labels": labels, "data": data})))
        progress(number, len(rngs))
    return paths


def _deap_trial(person: Person, session: Array, levels: dict[str, float], rng: np.random.Generator) -> Array:
    """Make 63 s of one trial, (8064, 40): as published, filtered, re-referenced, EOG removed."""
    before, during = person.trial(session, levels, rng)
    n, onset = deap.SAMPLES, deap.BASELINE
    eeg = np.concatenate([person.eeg(before, onset, rng), person.eeg(during, n - onset, rng)])
    blinks = person.blinks(n, rng)
    eeg += person.artefacts(blinks, rng, eyes=8.0)  # what is left after the removal of EOG
    eeg = band_limited(eeg, 128.0, 4.0, 45.0)
    eeg -= eeg.mean(axis=1, keepdims=True)
    noise = rng.normal(size=(n, 4))
    periphery = [
        20 * np.cumsum(noise[:, 0]) / np.sqrt(n) + noise[:, 0],  # hEOG, µV
        150 * blinks + 3 * noise[:, 1],  # vEOG, µV
        8 * noise[:, 2],  # zygomaticus, µV
        10 * noise[:, 3],  # trapezius, µV
        1000 + 50 * np.cumsum(rng.normal(size=n)) / np.sqrt(n),  # GSR
        300 * course(n, 128.0, 0.25, rng),  # respiration
        500 * course(n, 128.0, 1.15, rng),  # plethysmograph
        np.full(n, rng.uniform(30, 34)),  # temperature, °C
    ]
    return np.column_stack([eeg, *periphery])


def write_python2_pickle(path: Path, arrays: dict[str, NDArray[np.float64]]) -> None:
    """Write arrays as Python 2's cPickle does in protocol 2, opcode by opcode.

    Python 3 cannot: it has no opcode for the byte strings that such a file is full of.
    """
    with path.open("wb") as file:
        file.write(b"\x80\x02}(")
        for name, array in arrays.items():
            dimensions = b"".join(b"M" + struct.pack("<H", n) for n in array.shape)
            raw = np.ascontiguousarray(array, dtype="<f8")
            file.write(b"U" + bytes([len(name)]) + name.encode("ascii"))
            file.write(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R")
            file.write(b"(K\x01(" + dimensions + b"t")
            file.write(b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb")
            file.write(b"\x89T" + struct.pack("<I", raw.nbytes))
            file.write(raw.data)
            file.write(b"tb")
        file.write(b"u.")


def _write_dreamer(
    folder: Path, trials: int, rngs: list[np.random.Generator], strengths: Strengths, progress: Progress
) -> list[Path]:
    people = np.empty((1, len(rngs)), dtype=object)
    seconds = np.random.default_rng(0).integers(*_CLIP_SECONDS["dreamer"], size=trials)  # the same films for all
    for number, rng in enumerate(rngs):
        people[0, number] = _dreamer_person(seconds, rng, strengths)
        progress(number + 1, len(rngs))
    top = {
        "Data": people,
        "EEG_SamplingRate": np.uint8(dreamer.RATE),
        "ECG_SamplingRate": np.uint16(256),
        "EEG_Electrodes": np.array([dreamer.CHANNELS], dtype=object),
        "noOfSubjects": np.uint8(len(rngs)),
        "noOfVideoSequences": np.uint8(trials),
        "Disclaimer": "Synthetic data in the format of DREAMER. Not recorded from people.",
        "Provider": "bci-offline synth",
        "Version": "1.0.2",
        "Acknowledgement": "none",
    }
    path = folder / dreamer.FILE
    # savemat appends ".mat" to a name with another ending unless told not to.
    return [_replace(path, partial(savemat, mdict={"DREAMER": top}, appendmat=False, do_compression=True))]


def _dreamer_person(seconds: NDArray[np.int64], rng: np.random.Generator, strengths: Strengths) -> dict[str, Any]:
    person = Person(dreamer.CHANNELS, float(dreamer.RATE), strengths, rng)
    session = person.session(rng)
    scores = np.clip(np.round(3.2 + 1.3 * _ratings(len(seconds), 3, rng)), 1, 5)
    offset = rng.normal(4200, 80, size=len(dreamer.CHANNELS))  # µV: the headset does not remove it
    cells = {key: np.empty((len(seconds), 1), dtype=object) for key in ("eeg", "eeg0", "ecg", "ecg0")}
    for number, row in enumerate(scores):
        levels = {name: dreamer.THRESHOLD.label(s) - 0.5 for name, s in zip(dreamer.TARGETS, row, strict=True)}
        before, during = person.trial(session, levels, rng)
        for key, power, length in (("0", before, 61), ("", during, int(seconds[number]))):
            n = length * dreamer.RATE
            drift = 30 * np.cumsum(rng.normal(size=(n, len(offset))), axis=0) / np.sqrt(n)
            eeg = person.eeg(power, n, rng) + person.artefacts(person.blinks(n, rng), rng)
            cells["eeg" + key][number, 0] = eeg + drift + offset
            pulse = course(2 * n, 256.0, 1.1, rng) ** 15
            cells["ecg" + key][number, 0] = np.column_stack([2048 + 400 * pulse, 2048 + 300 * pulse])
    return {
        "Age": str(int(rng.integers(20, 40))),
        "Gender": str(rng.choice(["male", "female"])),
        "EEG": {"baseline": cells["eeg0"], "stimuli": cells["eeg"]},
        "ECG": {"baseline": cells["ecg0"], "stimuli": cells["ecg"]},
        **{score: scores[:, [i]].astype(np.uint8) for i, score in enumerate(dreamer.TARGETS.values())},
    }


def _write_seed(
    folder: Path, trials: int, rngs: list[np.random.Generator], strengths: Strengths, progress: Progress
) -> list[Path]:
    home = folder / "Preprocessed_EEG"
    home.mkdir()
    labels = np.array([SEED_LABELS[:trials]], dtype=np.int8)
    paths = [_replace(home / "label.mat", partial(savemat, mdict={"label": labels}, appendmat=False))]
    seconds = np.random.default_rng(0).integers(*_CLIP_SECONDS["seed"], size=trials)  # the same films for all
    for number, rng in enumerate(rngs, start=1):
        person = Person(SEED_CHANNELS, float(SEED_RATE), strengths, rng)
        prefix = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), size=3))
        for date in _SEED_SESSIONS:
            session = person.session(rng)
            clips = {}
            for clip, (label, length) in enumerate(zip(labels[0], seconds, strict=True), start=1):
                _, during = person.trial(session, {"emotion": float(label)}, rng)
                n = int(length) * SEED_RATE + 1
                eeg = person.eeg(during, n, rng) + person.artefacts(person.blinks(n, rng), rng)
                clips[f"{prefix}_eeg{clip}"] = np.ascontiguousarray(band_limited(eeg, SEED_RATE, 0.0, 75.0).T)
            path = home / f"{number}_{date}.mat"
            paths.append(_replace(path, partial(savemat, mdict=clips, appendmat=False)))
        progress(number, len(rngs))
    return paths


_KINDS = {
    "deap": (_write_deap, 32, 40),
    "dreamer": (_write_dreamer, 23, 18),
    "seed": (_write_seed, 15, 15),
}
