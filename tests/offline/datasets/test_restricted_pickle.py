"""Hostile pickles: every one is refused with a message, and nothing in it runs."""

import os
import pickle
import pickletools
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bci_app.errors import DatasetError
from offline.datasets import restricted_pickle
from offline.datasets.restricted_pickle import read_arrays
from offline.datasets.synth import write_python2_pickle

ARRAYS = {"labels": np.arange(12.0).reshape(3, 4), "data": np.random.default_rng(0).normal(size=(3, 2, 300))}


def check(path: Path, arrays: dict[str, Any] = ARRAYS) -> None:
    read = read_arrays(path)
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_python_2_files_are_read_as_public_loaders_read_them(tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    write_python2_pickle(path, ARRAYS)
    check(path)
    with path.open("rb") as file:
        public = pickle.load(file, encoding="latin1")
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(public[name], array)
    opcodes = {opcode.name for opcode, _, _ in pickletools.genops(path.read_bytes())}
    assert {"BINSTRING", "SHORT_BINSTRING"} <= opcodes
    assert "BINUNICODE" not in opcodes


@pytest.mark.parametrize("protocol", range(1, pickle.HIGHEST_PROTOCOL + 1))
def test_files_that_python_3_wrote_are_read_too(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "s01.dat"
    arrays = ARRAYS | {
        "fortran": np.asfortranarray(ARRAYS["data"]),
        "small": np.arange(5, dtype=np.int16),
        "big_endian": np.arange(5, dtype=">f4"),
    }
    path.write_bytes(pickle.dumps(arrays, protocol=protocol))
    check(path, arrays)


def test_arrays_are_views_of_the_file_and_read_only(tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    big = {"data": np.ones((1000, 1000))}
    write_python2_pickle(path, big)
    tracemalloc.start()
    read = read_arrays(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    assert not read["data"].flags.writeable


class Evil:
    """Pickles as a call of anything."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call

    def __call__(self, *arguments: Any) -> None:
        """Do nothing; what is called in a pickle must be callable when it is written."""


def touched(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.iterdir() if path.name != "s01.dat")


def hostile(flag: Path) -> dict[str, Any]:
    shell = Evil(os.system, (f"touch {flag}",))
    return {
        "os.system": shell,
        "eval": Evil(eval, (f"open({str(flag)!r}, 'w')",)),
        "exec": Evil(exec, (f"open({str(flag)!r}, 'w')",)),
        "open": Evil(open, (str(flag), "w")),
        "getattr": Evil(getattr, ("", "join")),
        "import": Evil(__import__, ("os",)),
        "nested in a list": {"data": [shell]},
        "nested in an argument": {"data": Evil(np.dtype, (shell,))},
        "nested reduce": Evil(Evil(getattr, ("", "join")), (shell,)),
        "numpy.load": Evil(np.load, (str(flag), None, True)),
        "numpy.save": Evil(np.save, (str(flag), 1)),
        "object array": {"data": np.array([shell], dtype=object)},
        "array subclass": {"data": np.ma.masked_array([1.0], mask=[True])},
        "structured array": {"data": np.zeros(2, dtype=[("a", "f8"), ("b", "O")])},
        "complex array": {"data": np.zeros(2, dtype=complex)},
        "no dictionary": np.zeros(3),
        "values that are no arrays": {"data": 3},
        "numpy scalar": {"data": np.float64(3)},
    }


@pytest.mark.parametrize("protocol", [1, 2, 4, 5])
@pytest.mark.parametrize("name", sorted(hostile(Path())))
def test_hostile_files_are_refused_and_nothing_runs(tmp_path: Path, name: str, protocol: int) -> None:
    path = tmp_path / "s01.dat"
    path.write_bytes(pickle.dumps(hostile(tmp_path / "flag")[name], protocol=protocol))
    with pytest.raises(DatasetError, match=r"s01\.dat was not opened.*Nothing of it was executed"):
        read_arrays(path)
    assert touched(tmp_path) == []


def test_the_message_names_what_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    path.write_bytes(pickle.dumps(Evil(os.system, ("true",)), protocol=2))
    with pytest.raises(DatasetError, match=r"found name '(posix|nt)\.system'"):
        read_arrays(path)


def array_pickle(shape: bytes, data: bytes, dtype: bytes = b"f8", order: bytes = b"\x89") -> bytes:
    """Write one array by hand, with any shape and dtype."""
    return (
        b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01" + shape
        + b"cnumpy\ndtype\nU" + bytes([len(dtype)]) + dtype + b"K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb" + order + b"T" + struct.pack("<I", len(data)) + data + b"tbs."
    )  # fmt: skip


HUGE_LONG = b"\x8a\xff" + b"\xff" * 254 + b"\x7f"
BOMBS = {
    "a shape beyond its bytes": array_pickle(b"J\x00\x00\x00\x40\x85", bytes(8)),
    "a shape of astronomic size": array_pickle(HUGE_LONG + b"\x85", bytes(8)),
    "a negative shape": array_pickle(b"J\xff\xff\xff\xff\x85", bytes(8)),
    "an overflowing product": array_pickle(b"J\x00\x00\x00\x40J\x00\x00\x00\x40J\x00\x00\x00\x40\x87", b""),
    "too many dimensions": array_pickle(b"(" + b"K\x01" * 60 + b"t", bytes(8)),
    "objects": array_pickle(b"K\x01\x85", bytes(8), dtype=b"O8"),
    "no dtype": array_pickle(b"K\x01\x85", bytes(8), dtype=b""),
    "data that are text": array_pickle(b"K\x01\x85", bytes(8)).replace(b"T\x08\x00\x00\x00", b"X\x08\x00\x00\x00"),
    "an endless stack": b"\x80\x02" + b"}" * 1_000_000,
    "an endless memo": b"\x80\x04}" + b"\x94" * 1_000_000,
    "a distant memo": b"\x80\x02}r\xff\xff\xff\xffj\xff\xff\xff\x7f.",
    "a tuple of tuples of tuples": b"\x80\x02K\x01" + b"".join(b"q\x00h\x00\x86" for _ in range(200)) + b".",
    "such a tuple as a dtype": (
        b"\x80\x02cnumpy\ndtype\nK\x01" + b"".join(b"q\x00h\x00\x86" for _ in range(200)) + b"\x85R."
    ),
    "such a tuple as a key": b"\x80\x02}K\x01" + b"".join(b"q\x00h\x00\x86" for _ in range(200)) + b"Ns.",
    "text encoded over and over": (
        b"\x80\x02}c_codecs\nencode\nq\x00X" + struct.pack("<I", 100_000) + b"a" * 100_000 + b"q\x01U\x06latin1q\x020"
        + b"h\x00h\x01X\x06\x00\x00\x00latin1\x86R" * 2_000 + b"."
    ),
    "a dictionary in itself": b"\x80\x02}q\x00U\x01ah\x00s.",
    "a state for a function": b"\x80\x02cnumpy\ndtype\n}b.",
    "a call of a dictionary": b"\x80\x02})R.",
    "an extension code": b"\x80\x02\x82\x01.",
    "a persistent id": b"\x80\x02U\x01aQ.",
    "an instance": b"(ios\nsystem\n.",
    "too deep a line": b"c" + b"a" * 1000,
    "a huge number in a line": b"I" + b"9" * 150 + b"\n.",
    "no opcode": b"\xff\xfe",
    "text": b"PK\x03\x04 not a pickle at all",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_files_made_to_exhaust_or_confuse_are_refused_at_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / "s01.dat"
    path.write_bytes(BOMBS[name])
    tracemalloc.start()
    with pytest.raises(DatasetError, match=r"s01\.dat"):
        read_arrays(path)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "s02.dat"
    write_python2_pickle(whole, {"labels": np.ones((2, 4)), "data": np.ones((2, 3, 4))})
    content = whole.read_bytes()
    for length in range(len(content)):
        path = tmp_path / "s01.dat"
        path.write_bytes(content[:length])
        with pytest.raises(DatasetError, match=r"s01\.dat"):
            read_arrays(path)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_mutated_files_give_arrays_or_a_message(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    protocol = data.draw(st.sampled_from([None, 2, 4, 5]))
    folder = tmp_path_factory.getbasetemp()
    path = folder / "s01.dat"
    arrays = {"labels": np.ones((2, 4)), "data": np.ones((2, 3, 4))}
    if protocol is None:
        write_python2_pickle(path, arrays)
    else:
        path.write_bytes(pickle.dumps(arrays, protocol=protocol))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        for array in read_arrays(path).values():
            assert array.dtype.kind in "fiu"
    except DatasetError:
        pass


def test_a_missing_or_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"Cannot read s01\.dat"):
        read_arrays(tmp_path / "s01.dat")
    (tmp_path / "s01.dat").touch()
    with pytest.raises(DatasetError, match=r"Cannot read s01\.dat"):
        read_arrays(tmp_path / "s01.dat")


def test_the_reader_uses_no_pickle_and_no_import_by_name() -> None:
    source = Path(restricted_pickle.__file__).read_text()
    for word in ("import pickle", "from pickle", "__import__", "importlib", "getattr(", "eval("):
        assert word not in source
