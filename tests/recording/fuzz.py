"""Damaged recordings: whatever a reader is given, it gives data or a `FileError`, soon and in little memory.

``python -m tests.recording.fuzz FOLDER FIRST COUNT`` reads COUNT damaged files, one of each kind in turn, and
prints what happened as JSON; it exits with 1 at the first thing that is neither data nor a `FileError`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import mne
import numpy as np

from bci_app.errors import BciError
from bci_app.recording import describe, read_recording
from bci_app.recording.xdf_writer import StreamHeader, XdfChannel, XdfWriter
from tests.recording.files import brainflow_text, edf_bytes, muse_text, openbci_text, write_brainvision, write_eeglab

Mutation = Callable[[bytearray, np.random.Generator], None]
EXTREMES = [
    b"0",
    b"-1",
    b"1",
    b"99999999",
    b"1e308",
    b"-1e308",
    b"nan",
    b"inf",
    b"",
    b"\x00",
    b"\xff" * 8,
    b"4294967295",
]


def xdf_bytes(folder: Path) -> bytes:
    with XdfWriter(folder / "a.xdf") as writer:
        channels = (XdfChannel("Fp1", "µV"), XdfChannel("Fp2", "µV"))
        eeg = writer.add_stream(StreamHeader("Amp", "EEG", channels, rate=100.0))
        events = writer.add_stream(StreamHeader("Events", "Markers", (XdfChannel("m"),), format="string"))
        for start in range(0, 400, 20):
            times = np.arange(start, start + 20) / 100
            writer.write_samples(eeg, np.random.default_rng(start).normal(size=(20, 2)), times)
            if start % 100 == 0:
                writer.write_markers(events, ["event"], times[:1])
                writer.write_clock_offset(eeg, float(times[0]), 0.001)
    content = writer.path.read_bytes()
    writer.path.unlink()
    return content


def fif_bytes(folder: Path) -> bytes:
    info = mne.create_info(["Fp1", "Cz"], 100.0, "eeg")
    raw = mne.io.RawArray(np.random.default_rng(0).normal(size=(2, 300)) * 1e-5, info, verbose="error")
    raw.save(folder / "a_raw.fif", verbose="error")
    return (folder / "a_raw.fif").read_bytes()


def eeglab_bytes(folder: Path) -> bytes:
    write_eeglab(folder / "a.set", np.random.default_rng(0).normal(size=(2, 300)), events=[("blink", 10.0)])
    return (folder / "a.set").read_bytes()


def originals() -> dict[str, bytes]:
    """Return the valid files that damage is done to, by the name under which they are read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        header = write_brainvision(folder)
        return {
            "a.edf": edf_bytes(starts=[0, 1, 2, 4.5, 5.5], reserved="EDF+D", rates=(100, 50)),
            "a.bdf": edf_bytes(bdf=True),
            "a.xdf": xdf_bytes(folder),
            "a.txt": openbci_text([i % 256 for i in range(300)]).encode(),
            "muse.csv": muse_text(300).encode(),
            "brainflow.csv": brainflow_text(300).encode(),
            "rec.vhdr": header.read_bytes(),
            "rec.vmrk": header.with_suffix(".vmrk").read_bytes(),
            "a_raw.fif": fif_bytes(folder),
            "a.set": eeglab_bytes(folder),
        }


def flip_bits(content: bytearray, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 20))):
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))


def truncate(content: bytearray, rng: np.random.Generator) -> None:
    del content[int(rng.integers(len(content))) :]


def delete(content: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(content)))
    del content[start : start + int(rng.integers(1, 200))]


def insert(content: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(content)))
    content[start:start] = rng.bytes(int(rng.integers(1, 200)))


def repeat(content: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(content)))
    content[start:start] = content[start : start + int(rng.integers(1, 2000))]


def overwrite(content: bytearray, rng: np.random.Generator) -> None:
    """Put an extreme value somewhere, mostly where the header is."""
    limit = len(content) if rng.random() < 0.3 else min(len(content), 1200)
    start = int(rng.integers(limit))
    value = EXTREMES[int(rng.integers(len(EXTREMES)))]
    content[start : start + len(value)] = value


def exchange_number(content: bytearray, rng: np.random.Generator) -> None:
    """Replace a digit of the header by another."""
    digits = [i for i, byte in enumerate(content[:3000]) if chr(byte).isdigit()]
    if digits:
        content[digits[int(rng.integers(len(digits)))]] = ord("0") + int(rng.integers(10))


MUTATIONS: list[Mutation] = [flip_bits, truncate, delete, insert, repeat, overwrite, exchange_number, exchange_number]


def damaged(original: bytes, seed: int) -> bytes:
    """Damage a file in one to three ways, the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    content = bytearray(original)
    for _ in range(int(rng.integers(1, 4))):
        if content:
            MUTATIONS[int(rng.integers(len(MUTATIONS)))](content, rng)
    return bytes(content)


def read_damaged(folder: Path, name: str, content: bytes) -> str:
    """Read a damaged file; give ``data``, or the summary of the error."""
    if name.startswith("rec."):
        write_brainvision(folder)
    path = folder / name
    path.write_bytes(content)
    try:
        json.dumps(describe(read_recording(path)), allow_nan=False)
    except BciError as error:
        return error.summary
    return "data"


def main(folder: str, first: str, count: str) -> int:
    """Read damaged files and print times and memory as JSON."""
    import resource  # not on Windows

    files = originals()
    names = list(files)
    slowest, outcomes = (0.0, ""), {"data": 0, "error": 0}
    for seed in range(int(first), int(first) + int(count)):
        name = names[seed % len(names)]
        begin = time.process_time()  # other work on the machine does not count
        print(name, seed, file=sys.stderr, flush=True)  # noqa: T201
        outcome = read_damaged(Path(folder), name, damaged(files[name], seed))
        slowest = max(slowest, (time.process_time() - begin, f"{name} {seed}"))
        outcomes["data" if outcome == "data" else "error"] += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(json.dumps({**outcomes, "slowest_s": round(slowest[0], 3), "slowest": slowest[1], "peak_mb": round(peak)}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
