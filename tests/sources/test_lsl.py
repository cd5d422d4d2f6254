"""LSL streams: found by what names them, received without loss, loss never hidden."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import pytest

from bci_app.errors import DependencyError, SourceError, StreamLostError
from bci_app.sources.lsl import library
from bci_app.sources.lsl.header import LslSelector
from bci_app.sources.lsl.library import local_clock
from bci_app.sources.lsl.source import LslDiscovery, LslSource, list_lsl_streams
from bci_app.sources.registry import list_sources
from bci_app.stream import Chunk
from tests.lsl_outlet import outlet, unique

pytestmark = pytest.mark.lsl

SEARCH_PORT = 16571  # where LSL asks for streams


def receive(source: LslSource, until: Callable[[list[Chunk]], bool], limit: float = 120.0) -> list[Chunk]:
    """Read until a condition holds; fails after `limit` seconds."""
    chunks: list[Chunk] = []
    deadline = time.monotonic() + limit
    while not until(chunks):
        assert time.monotonic() < deadline, f"nothing came of it within {limit} s"
        if (chunk := source.read(0.1)) is not None:
            chunks.append(chunk)
    return chunks


def samples(n: int) -> Callable[[list[Chunk]], bool]:
    return lambda chunks: sum(map(len, chunks)) >= n


def index_of(chunks: list[Chunk]) -> np.ndarray:
    """Return what the outlet says is the index of each sample."""
    return np.concatenate([chunk.data[:, 0] for chunk in chunks])


def wait_lost(source: LslSource, limit: float = 120.0) -> None:
    """Read until the stream is lost."""
    start = time.monotonic()
    while time.monotonic() - start < limit:
        try:
            source.read(0.05)
        except StreamLostError:
            return
    pytest.fail(f"not noticed as lost within {limit} s")


def described(source_id: str) -> Any:
    """Describe a stream of one channel, for an outlet in this process."""
    info = library.load_pylsl().StreamInfo("Head", "EEG", 1, 250.0, "float32", source_id)
    info.set_channel_labels(["Cz"])
    info.set_channel_units("microvolts")
    return info


def test_first_sample_of_an_outlet_that_waited_is_index_0_and_none_is_missing() -> None:
    source_id = unique("first")
    with outlet(source_id, wait=True, rate=512, labels=",".join(f"E{i}" for i in range(32))):
        source = LslSource(LslSelector(source_id=source_id))
        info = source.start()
        assert info.rate == 512
        assert info.units == ("uV",) * 32
        assert info.source_id == source_id
        assert info.host
        chunks = receive(source, samples(1500))
        source.stop()
    np.testing.assert_array_equal(index_of(chunks), np.arange(sum(map(len, chunks))))
    assert [chunk.first for chunk in chunks] == list(np.cumsum([0, *map(len, chunks)])[:-1])
    assert not any(chunk.lost or chunk.reset for chunk in chunks)
    assert all(chunk.data.flags.c_contiguous and chunk.data.dtype == np.float64 for chunk in chunks)
    np.testing.assert_allclose(np.diff(np.concatenate([chunk.times for chunk in chunks])), 1 / 512, atol=1e-9)


def test_a_stopped_source_leaves_its_sender() -> None:
    """Also while somebody still holds the source: the sender would go on sending to nobody."""
    pylsl = library.load_pylsl()
    sender = pylsl.StreamOutlet(described(unique("left")), max_buffered=10)
    source = LslSource(LslSelector(source_id=sender.get_info().source_id()))
    source.start()
    assert sender.wait_for_consumers(30.0)
    source.stop()
    deadline = time.monotonic() + 120
    while sender.have_consumers():
        assert time.monotonic() < deadline, "still connected"
        sender.push_sample([0.0])
        time.sleep(0.05)


@pytest.mark.parametrize("lost", [10, 250])
def test_gap_has_its_length(lost: int) -> None:
    source_id = unique("gap")
    with outlet(source_id, wait=True, gaps=f"400:{lost}"):
        source = LslSource(LslSelector(source_id=source_id))
        source.start()
        chunks = receive(source, samples(500))
        source.stop()
    (after,) = [chunk for chunk in chunks if chunk.lost]
    assert after.lost == lost
    assert after.first == after.data[0, 0] == 400 + lost


def test_stream_is_selected_by_each_of_its_names() -> None:
    source_id, name, kind = unique("select"), unique("by name"), unique("kind")
    with outlet(source_id, name=name, type=kind), outlet(unique("other"), name="other", type="Other"):
        hostname = next(stream.hostname for stream in list_lsl_streams() if stream.source_id == source_id)
        for text in (name, f"type={kind}", f"source_id={source_id}", f"hostname={hostname},type={kind}"):
            source = LslSource(LslSelector.parse(text))
            source.start()
            assert source.stream is not None
            assert source.stream.source_id == source_id
            source.stop()


def test_several_streams_that_fit_are_listed_and_none_is_taken() -> None:
    first, second, kind = unique("one"), unique("two"), unique("kind")
    selector = LslSelector(type=kind)
    with outlet(first, name="head one", type=kind):
        source = LslSource(selector)
        assert source.start().source_id == first
        source.stop()
        with (
            outlet(second, name="head two", type=kind),
            pytest.raises(SourceError, match="More than one") as caught,
        ):
            LslSource(selector).start()
    assert first in str(caught.value)
    assert second in str(caught.value)


def test_address_of_a_listed_stream_selects_it() -> None:
    source_id = unique("a,b=c")
    with outlet(source_id, name="odd, name = x"):
        (stream,) = [stream for stream in list_lsl_streams() if stream.source_id == source_id]
        assert LslSelector.parse(stream.address.removeprefix("lsl:")).matches(stream)


def test_missing_stream_is_named_with_what_is_there() -> None:
    with outlet(unique("there"), name="something else"), pytest.raises(SourceError, match="something") as caught:
        LslSource(LslSelector.parse("not there"), find_timeout=1.0).start()
    assert "'not there'" in str(caught.value)


def test_discovery_sees_streams_appear_and_vanish() -> None:
    source_id = unique("come-and-go")
    discovery = LslDiscovery(forget_after=1.0)

    def visible() -> bool:
        return any(stream.source_id == source_id for stream in discovery.streams())

    with outlet(source_id):
        deadline = time.monotonic() + 120
        while not visible():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    deadline = time.monotonic() + 120
    while visible():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    discovery.close()


def test_a_killed_outlet_is_lost_and_comes_back_with_the_loss_counted() -> None:
    source_id = unique("killed")
    epoch = local_clock()
    source = LslSource(LslSelector(source_id=source_id))
    with outlet(source_id, epoch=epoch) as running:
        source.start()
        before = receive(source, samples(500))
        running.kill()
        wait_lost(source)
        assert source.read(0.1) is None
    with outlet(source_id, epoch=epoch):
        after = receive(source, samples(1))
        source.stop()
    (first,) = after
    assert first.reset
    # Index and true index keep their distance: the gap's length is right to a sample.
    shift_before = before[-1].data[-1, 0] - (before[-1].first + len(before[-1]) - 1)
    shift_after = first.data[0, 0] - first.first
    assert abs(shift_after - shift_before) <= 1


def test_a_silent_outlet_is_lost_not_at_once_and_goes_on_when_it_does() -> None:
    source_id = unique("silent")
    with outlet(source_id, epoch=local_clock()) as running:
        source = LslSource(LslSelector(source_id=source_id))
        source.start()
        before = receive(source, samples(500))
        begun = time.monotonic()
        running.freeze()
        wait_lost(source)
        assert time.monotonic() - begun > 1.5
        assert source.read(0.05) is None
        running.thaw()
        (first,) = receive(source, samples(1))
        source.stop()
    assert first.reset
    # The outlet pushes what fell due while it was frozen: nothing is missing, and nothing is called lost.
    assert first.first - first.data[0, 0] == before[0].first - before[0].data[0, 0]


@pytest.mark.parametrize(
    ("change", "stated"),
    [
        ({"labels": "Fp1,Fp2,Cz,Oz"}, "Oz"),
        ({"labels": "Fp1,Fp2,Cz"}, "Fp1, Fp2, Cz;"),
        ({"unit": "V"}, "units V"),
        ({"rate": 500}, "500 Hz"),
    ],
)
def test_stream_that_comes_back_with_another_layout_is_refused(change: dict[str, object], stated: str) -> None:
    source_id = unique("changed")
    with outlet(source_id):
        source = LslSource(LslSelector(source_id=source_id))
        source.start()
        receive(source, samples(50))
    wait_lost(source)
    with outlet(source_id, **change), pytest.raises(SourceError, match="not as it was") as caught:
        receive(source, samples(1), limit=4)
    assert stated in str(caught.value)
    # The former layout is still welcome.
    with outlet(source_id):
        (first,) = receive(source, samples(1))
        assert first.reset
    source.stop()


def test_other_streams_of_the_same_device_are_not_taken_for_the_lost_one() -> None:
    device = unique("device")
    others = (
        outlet(device, name="filtered"),
        outlet(device, name="acceleration", labels="X,Y,Z"),
    )
    source = LslSource(LslSelector(name="raw", source_id=device))
    with others[0], others[1]:
        with outlet(device, name="raw"):
            source.start()
            receive(source, samples(50))
        wait_lost(source)
        # As long as a resolver needs to see all that is there.
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            assert source.read(0.1) is None
        with outlet(device, name="raw"):
            (first,) = receive(source, samples(1))
        source.stop()
    assert first.reset
    assert source.stream is not None
    assert source.stream.name == "raw"


@pytest.mark.skipif(sys.platform != "linux", reason="sockets of a process are listed on Linux without rights")
def test_searches_of_other_machines_do_not_reach_our_streams() -> None:
    """A socket on another address than the loopback one would hear what is broadcast in the network."""
    with outlet(unique("local")) as running:
        sockets = psutil.Process(running.pid).net_connections("udp")
    hearing = [socket.laddr.ip for socket in sockets if socket.laddr.port == SEARCH_PORT]
    assert set(hearing) == {"127.0.0.1"}


@pytest.mark.parametrize("nominal", [1000, 10, 0])
def test_a_slow_reader_gets_every_sample(nominal: float) -> None:
    """Also where the user states the rate, in place of none or of another than the true one."""
    source_id = unique("slow")
    with outlet(source_id, rate=1000, nominal=nominal, wait=True):
        source = LslSource(LslSelector(source_id=source_id), rate=1000.0)
        source.start()
        chunks = receive(source, samples(100))
        time.sleep(3)
        chunks += receive(source, samples(3500))
        source.stop()
    np.testing.assert_array_equal(index_of(chunks), np.arange(sum(map(len, chunks))))


def test_samples_that_a_reader_let_overflow_are_counted_as_lost() -> None:
    source_id = unique("overflow")
    with outlet(source_id, wait=True, rate=1000):
        source = LslSource(LslSelector(source_id=source_id), buffer_seconds=1)
        source.start()
        chunks = receive(source, samples(1200))
        time.sleep(2.5)
        chunks += receive(source, samples(1500))
        source.stop()
    assert sum(chunk.lost for chunk in chunks) > 100
    last = chunks[-1]
    assert abs(last.first - last.data[0, 0]) <= 1


@pytest.mark.parametrize(
    ("options", "override", "flag"),
    [
        ({"labels": ","}, {"channels": ("Cz", "Pz")}, "--channels"),
        ({"unit": ""}, {"unit": "uV"}, "--unit"),
        ({"rate": 0}, {"rate": 250.0}, "--rate"),
    ],
)
def test_what_a_header_lacks_is_refused_or_stated_by_the_user(
    options: dict[str, object], override: dict[str, object], flag: str
) -> None:
    source_id = unique("lacking")
    with outlet(source_id, **options):
        with pytest.raises(SourceError) as caught:
            LslSource(LslSelector(source_id=source_id)).start()
        assert flag in str(caught.value)
        source = LslSource(LslSelector(source_id=source_id), **override)  # type: ignore[arg-type]
        info = source.start()
        source.stop()
    assert info.rate == 250.0
    assert set(info.units) == {"uV"}
    assert all(info.channels)


def test_missing_library_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    original = builtins.__import__

    def refuse(name: str, *rest: object, **more: object) -> object:
        if name == "pylsl":
            raise RuntimeError("LSL binary library file was not found.")
        return original(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(DependencyError, match="PYLSL_LIB"):
        library.load_pylsl()
    assert abs(library.local_clock() - time.monotonic()) < 1


def test_a_rate_that_no_amplifier_has_is_refused_before_memory_is_asked_for() -> None:
    pylsl = library.load_pylsl()
    source_id = unique("absurd rate")
    header = pylsl.StreamInfo("absurd", "EEG", 2, 2e5, pylsl.cf_float32, source_id)
    outlet_ = pylsl.StreamOutlet(header, 0, 1)
    for rate in (None, 250.0):
        with pytest.raises(SourceError, match="200000 Hz"):
            LslSource(LslSelector(source_id=source_id), channels=["Fp1", "Fp2"], rate=rate, unit="uV").start()
    del outlet_


def test_two_live_outlets_that_look_the_same_are_listed_apart_and_never_joined() -> None:
    source_id = unique("twins")
    with outlet(source_id) as first, outlet(source_id) as second:
        with pytest.raises(SourceError, match="More than one") as several:
            LslSource(LslSelector(source_id=source_id)).start()
        addresses = re.findall(r"lsl:(name=test,uid=[-0-9a-f]+) \(since \d\d:\d\d:\d\d\)", str(several.value))
        assert len(set(addresses)) == 2
        texts = [entry.text for entry in list_sources() if entry.kind == "lsl"]
        assert {f"lsl:{address}" for address in addresses} <= set(texts)
        source = LslSource(LslSelector.parse(addresses[0]))
        source.start()
        receive(source, samples(50))
        first.freeze()
        begun, newest = local_clock(), 0.0
        while local_clock() < begun + 1.2:
            if (chunk := source.read(0.1)) is not None:
                newest = float(chunk.times[-1])
        first.thaw()
        ours = second if newest > begun + 0.5 else first
        ours.kill()
        wait_lost(source)
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            # The other one is alive and must not take its place.
            assert source.read(0.1) is None
        source.stop()
