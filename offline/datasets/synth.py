"""Synthetic files in the formats of DEAP, DREAMER and SEED, with an effect of emotion of known strength.

No original file of these data sets may be passed on. These files have their shapes, names, units and oddities, so
that everything can be tried and tested without them. The signals are those of simulated participants
(`bci_app.simulation`) whose rhythms differ widely from trial to trial: a model that has seen other seconds of a trial
knows the trial's label without knowing anything about labels. A model trained on such files has learned nothing about
people: a `synthetic.json` beside the files marks them, and every loader reads it.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat
from scipy.special import ndtri

from bci_app.atomic import write_atomically
from bci_app.errors import DatasetError
from bci_app.simulation import DIMENSIONS, Emotion, Settings, SimulatedParticipant, plan_session
from offline.datasets import deap, dreamer
from offline.datasets.files import SYNTHETIC_MARK
from offline.datasets.seed import CHANNELS as SEED_CHANNELS
from offline.datasets.seed import LABELS as SEED_LABELS
from offline.datasets.seed import RATE as SEED_RATE
from offline.datasets.synth_signal import Array, band_limited, course
from offline.datasets.windows import Progress

_CLIP_SECONDS = {"dreamer": (65, 100), "seed": (40, 60)}
_SEED_SESSIONS = ("20131027", "20131030", "20131107")

EFFECT = 1.0
"""Standard deviations of log band power between low and high, unless another effect is asked for."""
_BETWEEN_TRIALS = 0.7
"""Of log power (natural logarithm): what makes trials differ that have the same label."""


def synth(
    kind: str,
    folder: Path,
    *,
    subjects: int,
    trials: int,
    seed: int = 0,
    effect: float = EFFECT,
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
    effect : float
        Standard deviations of log band power between low and high labels, 0 for none.
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
            "Synthetic files need a separate folder", found=str(folder), expected="an empty or new folder"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(
            "The folder for synthetic files cannot be made", found=str(error), fix="Name another one."
        ) from error
    # First of all, so that no synthetic file is ever without it.
    mark = {"kind": kind, "subjects": subjects, "trials": trials, "seed": seed, "effect": effect}
    write_atomically(folder / SYNTHETIC_MARK, json.dumps(mark, indent=2) + "\n")
    people = [_Person(1000 * seed + number, effect) for number in range(1, subjects + 1)]
    return write(folder, trials, people, progress or _silent)


@dataclass(frozen=True)
class _Person:
    """A simulated participant who takes part in a data set: their number and the strength of the effect."""

    number: int
    effect: float

    def rng(self, purpose: int) -> np.random.Generator:
        """Return random numbers for what is not EEG."""
        return np.random.default_rng((self.number, 20, purpose))

    def trial(
        self, settings: Settings, number: int, state: Emotion, *, before: float, seconds: float
    ) -> tuple[Array, Array]:
        """Make the signals of a trial, (n_samples, n_channels) each: `before` seconds of neutral state, and the trial.

        Each trial is a session to the generator: it has a fingerprint, which is there before the stimulus too.
        """
        worn = replace(settings, effect=self.effect, session=number, between_sessions=_BETWEEN_TRIALS)
        script, _ = plan_session([state], rest=before, seconds=seconds, pause=3.0)
        participant, onset = SimulatedParticipant(self.number, worn, script=script), round(before * settings.rate)
        return participant.samples(0, onset), participant.samples(onset, onset + round(seconds * settings.rate))


def _state(labels: Mapping[str, int]) -> Emotion:
    """Return the state of a trial with binary labels: lowest for 0, highest for 1."""
    return Emotion(**{name: 2.0 * labels[name] - 1.0 for name in DIMENSIONS})


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


def _write_deap(folder: Path, trials: int, people: list[_Person], progress: Progress) -> list[Path]:
    # Published with EOG and other artefacts removed.
    settings = Settings(deap.CHANNELS, 128.0, reference="average", noise=0.1)
    before, seconds = deap.BASELINE / 128, (deap.SAMPLES - deap.BASELINE) / 128
    paths = []
    for done, person in enumerate(people, start=1):
        rng = person.rng(0)
        labels = np.clip(5.0 + 1.8 * _ratings(trials, 4, rng), 1, 9).round(2)
        data = np.empty((trials, deap.ROWS, deap.SAMPLES))
        for number, (signals, row) in enumerate(zip(data, labels, strict=True)):
            state = _state({name: deap.THRESHOLD.label(r) for name, r in zip(deap.TARGETS, row, strict=True)})
            eeg = np.concatenate(person.trial(settings, number, state, before=before, seconds=seconds))
            signals[:] = _deap_trial(eeg, rng).T
        path = folder / f"s{done:02d}.dat"
        paths.append(_replace(path, partial(write_python2_pickle, arrays={"labels": labels, "data": data})))
        progress(done, len(people))
    return paths


def _deap_trial(eeg: Array, rng: np.random.Generator) -> Array:
    """Make the 40 rows of one trial as columns, (8064, 40): EEG filtered and re-referenced, and the periphery."""
    n = len(eeg)
    eeg = band_limited(eeg, 128.0, 4.0, 45.0)
    eeg -= eeg.mean(axis=1, keepdims=True)
    noise = rng.normal(size=(n, 4))
    periphery = [
        20 * np.cumsum(noise[:, 0]) / np.sqrt(n) + noise[:, 0],  # hEOG, µV
        30 * np.cumsum(noise[:, 1]) / np.sqrt(n) + 3 * noise[:, 1],  # vEOG, µV
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


def _write_dreamer(folder: Path, trials: int, people: list[_Person], progress: Progress) -> list[Path]:
    cells = np.empty((1, len(people)), dtype=object)
    seconds = np.random.default_rng(0).integers(*_CLIP_SECONDS["dreamer"], size=trials)  # the same films for all
    for number, person in enumerate(people):
        cells[0, number] = _dreamer_person(seconds, person)
        progress(number + 1, len(people))
    top = {
        "Data": cells,
        "EEG_SamplingRate": np.uint8(dreamer.RATE),
        "ECG_SamplingRate": np.uint16(256),
        "EEG_Electrodes": np.array([dreamer.CHANNELS], dtype=object),
        "noOfSubjects": np.uint8(len(people)),
        "noOfVideoSequences": np.uint8(trials),
        "Disclaimer": "Synthetic data in the format of DREAMER. Not recorded from people.",
        "Provider": "bci-offline synth",
        "Version": "1.0.2",
        "Acknowledgement": "none",
    }
    path = folder / dreamer.FILE
    # savemat appends ".mat" to a name with another ending by default.
    return [_replace(path, partial(savemat, mdict={"DREAMER": top}, appendmat=False, do_compression=True))]


def _dreamer_person(seconds: NDArray[np.int64], person: _Person) -> dict[str, Any]:
    rng = person.rng(1)
    scores = np.clip(np.round(3.2 + 1.3 * _ratings(len(seconds), 3, rng)), 1, 5)
    settings = Settings(dreamer.CHANNELS, float(dreamer.RATE))
    offset = rng.normal(4200, 80, size=len(dreamer.CHANNELS))  # µV: the headset does not remove it
    cells = {key: np.empty((len(seconds), 1), dtype=object) for key in ("eeg", "eeg0", "ecg", "ecg0")}
    for number, (row, length) in enumerate(zip(scores, seconds.tolist(), strict=True)):
        state = _state({name: dreamer.THRESHOLD.label(s) for name, s in zip(dreamer.TARGETS, row, strict=True)})
        pair = person.trial(settings, number, state, before=61.0, seconds=length)
        for key, eeg in zip(("0", ""), pair, strict=True):
            cells["eeg" + key][number, 0] = eeg - eeg.mean(axis=0) + offset
            pulse = course(2 * len(eeg), 256.0, 1.1, rng) ** 15
            cells["ecg" + key][number, 0] = np.column_stack([2048 + 400 * pulse, 2048 + 300 * pulse])
    return {
        "Age": str(int(rng.integers(20, 40))),
        "Gender": str(rng.choice(["male", "female"])),
        "EEG": {"baseline": cells["eeg0"], "stimuli": cells["eeg"]},
        "ECG": {"baseline": cells["ecg0"], "stimuli": cells["ecg"]},
        **{score: scores[:, [i]].astype(np.uint8) for i, score in enumerate(dreamer.TARGETS.values())},
    }


def _write_seed(folder: Path, trials: int, people: list[_Person], progress: Progress) -> list[Path]:
    home = folder / "Preprocessed_EEG"
    home.mkdir()
    labels = np.array([SEED_LABELS[:trials]], dtype=np.int8)
    paths = [_replace(home / "label.mat", partial(savemat, mdict={"label": labels}, appendmat=False))]
    seconds = np.random.default_rng(0).integers(*_CLIP_SECONDS["seed"], size=trials).tolist()  # the same films for all
    settings = Settings(SEED_CHANNELS, float(SEED_RATE))
    for number, person in enumerate(people, start=1):
        prefix = "".join(person.rng(2).choice(list("abcdefghijklmnopqrstuvwxyz"), size=3))
        for session, date in enumerate(_SEED_SESSIONS):
            clips = {}
            for clip, (label, length) in enumerate(zip(labels[0].tolist(), seconds, strict=True)):
                state, sample = Emotion(valence=float(label)), 1 / SEED_RATE
                _, eeg = person.trial(settings, 100 * session + clip, state, before=3.0, seconds=length + sample)
                eeg = band_limited(eeg - eeg.mean(axis=0), SEED_RATE, 0.0, 75.0)
                clips[f"{prefix}_eeg{clip + 1}"] = np.ascontiguousarray(eeg.T)
            path = home / f"{number}_{date}.mat"
            paths.append(_replace(path, partial(savemat, mdict=clips, appendmat=False)))
        progress(number, len(people))
    return paths


_KINDS = {
    "deap": (_write_deap, 32, 40),
    "dreamer": (_write_dreamer, 23, 18),
    "seed": (_write_seed, 15, 15),
}
