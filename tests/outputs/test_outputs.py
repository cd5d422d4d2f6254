"""Outputs: what is sent is what was predicted, and nothing is lost or half written."""

from __future__ import annotations

import json
import math
import mmap
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage

from bci_app.bundle.spec import Bundle
from bci_app.errors import BciError, FileError
from bci_app.events import Prediction, Reason, TargetPrediction
from bci_app.outputs.base import Output
from bci_app.outputs.jsonl import JsonLinesOutput, prediction_line
from bci_app.outputs.lsl import LslMarkerOutput, LslPredictionOutput, prediction_labels
from bci_app.outputs.osc import OscOutput
from bci_app.sources.lsl.library import load_pylsl, use_loopback
from bci_app.stream import Marker, StreamInfo
from tests.bundles import LOAD, VALENCE, describe, small_spec

ROOT = Path(__file__).resolve().parents[2]
INFO = StreamInfo("head", ("Fp1", "Cz"), 250.0, ("uV", "uV"), kind="lsl", source_id="amp-1")


def prediction(sample: int = 1000, high: float = 0.75, *, valid: bool = True) -> Prediction:
    def target(name: str, classes: tuple[str, ...], values: tuple[float, ...]) -> TargetPrediction:
        if not valid:
            return TargetPrediction(name, classes, None, None, None)
        return TargetPrediction(name, classes, values, values[::-1], (0.125,) * len(classes))

    return Prediction(
        sample=sample,
        time=sample / 250.0,
        valid=valid,
        reasons=() if valid else (Reason.GAP, Reason.BASELINE),
        quality=0.5,
        age_ms=12.5,
        compute_ms=1.5,
        targets=(
            target(LOAD.name, LOAD.classes, (1 - high, high)),
            target(VALENCE.name, VALENCE.classes, (0.25, 0.125, 0.625)),
        ),
    )


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return describe(b"a model", small_spec(), (LOAD, VALENCE))


def test_every_output_is_an_output(tmp_path: Path) -> None:
    outputs: list[Output] = [
        JsonLinesOutput(tmp_path / "x"),
        LslPredictionOutput("x"),
        LslMarkerOutput("x"),
        OscOutput(9000),
    ]
    for output in outputs:
        # Without a start: nothing to send to, nothing to close.
        output.publish(prediction())
        output.close()
        output.close()


# JSON lines ------------------------------------------------------------------------------------


def test_a_line_has_the_documented_form() -> None:
    assert json.loads(prediction_line(prediction())) == {
        "sample": 1000,
        "time": 4.0,
        "valid": True,
        "reasons": [],
        "quality": 0.5,
        "age_ms": 12.5,
        "compute_ms": 1.5,
        "distance": None,
        "artefact": None,
        "artefact_score": None,
        "targets": {
            "mental_load": {
                "probability": {"low": 0.25, "high": 0.75},
                "smoothed": {"low": 0.75, "high": 0.25},
                "spread": {"low": 0.125, "high": 0.125},
                "set": None,
            },
            "valence": {
                "probability": {"negative": 0.25, "neutral": 0.125, "positive": 0.625},
                "smoothed": {"negative": 0.625, "neutral": 0.125, "positive": 0.25},
                "spread": {"negative": 0.125, "neutral": 0.125, "positive": 0.125},
                "set": None,
            },
        },
    }


def test_an_invalid_window_has_no_numbers_but_reasons() -> None:
    line = json.loads(prediction_line(prediction(valid=False)))
    assert line["valid"] is False
    assert line["reasons"] == ["gap", "rest baseline"]
    assert line["targets"]["mental_load"] == {"probability": None, "smoothed": None, "spread": None, "set": None}


@given(
    value=st.floats(),
    probability=st.floats(0, 1),
    sample=st.integers(0, 2**53),
)
def test_every_line_is_strict_json_and_numbers_survive(value: float, probability: float, sample: int) -> None:
    made = Prediction(
        sample, value, True, (), value, value, value, (TargetPrediction("t", ("a", "b"), (probability, value), None),)
    )
    line = prediction_line(made)
    assert "\n" not in line
    read = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert read["sample"] == sample
    assert read["targets"]["t"]["probability"]["a"] == probability
    assert read["time"] == (value if math.isfinite(value) else None)


def test_lines_are_in_the_file_at_once_and_an_earlier_file_is_kept(tmp_path: Path, bundle: Bundle) -> None:
    path = tmp_path / "out.jsonl"
    for run in range(3):
        output = JsonLinesOutput(path)
        output.start(bundle, INFO)
        output.publish(prediction(run))
        assert [json.loads(line)["sample"] for line in path.read_text().splitlines()] == [run]
        output.close()
    assert json.loads((tmp_path / "out.jsonl.1").read_text())["sample"] == 0
    assert json.loads((tmp_path / "out.jsonl.2").read_text())["sample"] == 1
    assert output.kept == tmp_path / "out.jsonl.2"


def test_file_that_cannot_be_written_is_told(tmp_path: Path, bundle: Bundle) -> None:
    with pytest.raises(FileError, match="No such file"):
        JsonLinesOutput(tmp_path / "nowhere" / "out.jsonl").start(bundle, INFO)
    with pytest.raises(FileError, match="directory"):
        JsonLinesOutput(tmp_path).start(bundle, INFO)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_told(bundle: Bundle) -> None:
    output = JsonLinesOutput("/dev/full")
    output.start(bundle, INFO)
    with pytest.raises(FileError, match="No space left"):
        output.publish(prediction())
    output.publish(prediction())
    output.close()


def test_full_disk_leaves_whole_lines(tmp_path: Path, bundle: Bundle) -> None:
    output = JsonLinesOutput(tmp_path / "out.jsonl")
    output.start(bundle, INFO)
    output.publish(prediction(1))
    file: Any = output.file

    class Filling:
        """A disk with room for ten bytes more."""

        room = 10

        def write(self, data: bytes) -> int:
            if not self.room:
                raise OSError(28, "No space left on device")
            part, self.room = data[: self.room], 0
            return int(file.write(part))

        def __getattr__(self, name: str) -> Any:
            return getattr(file, name)

    output.file = Filling()  # type: ignore[assignment]
    with pytest.raises(FileError, match="No space left"):
        output.publish(prediction(2))
    assert [json.loads(line)["sample"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [1]


def test_killed_run_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    code = (
        "import sys\n"
        "from tests.outputs.test_outputs import INFO, prediction\n"
        "from bci_app.outputs.jsonl import JsonLinesOutput\n"
        "output = JsonLinesOutput(sys.argv[1])\n"
        "output.start(None, INFO)\n"
        "n = 0\n"
        "while True:\n"
        "    output.publish(prediction(n)); n += 1\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT) as writer:
        deadline = time.monotonic() + 120
        while not path.exists() or path.stat().st_size < 200_000:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(writer.pid, signal.SIGKILL)
    whole, _, rest = path.read_text().rpartition("\n")
    # A line is one write. Linux ends that of a killed process between two pages of the file.
    assert not rest or path.stat().st_size % mmap.PAGESIZE == 0
    samples = [json.loads(line)["sample"] for line in whole.splitlines()]
    assert samples == list(range(len(samples)))


def test_standard_output_takes_lines(bundle: Bundle, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    output = JsonLinesOutput("-")
    output.start(bundle, INFO)
    output.publish(prediction(5))
    output.close()
    assert json.loads(capfdbinary.readouterr().out)["sample"] == 5


# LSL -------------------------------------------------------------------------------------------


def inlet_of(source_id_part: str) -> Any:
    pylsl = load_pylsl()
    deadline = time.monotonic() + 120
    resolver = pylsl.ContinuousResolver()
    while time.monotonic() < deadline:
        found = [info for info in resolver.results() if source_id_part in info.source_id()]
        if found:
            inlet = pylsl.StreamInlet(found[0], recover=False)
            inlet.open_stream(30)
            return inlet
        time.sleep(0.02)
    pytest.fail(f"no stream {source_id_part}")


@pytest.mark.lsl
def test_prediction_stream_is_labelled_stamped_and_exact(bundle: Bundle) -> None:
    use_loopback()
    name = f"predictions {time.monotonic_ns()}"
    output = LslPredictionOutput(name)
    output.start(bundle, INFO)
    inlet = inlet_of(name)
    assert inlet.info(5).get_channel_labels() == prediction_labels(bundle)
    assert inlet.info(5).nominal_srate() == 0.0
    output.publish(prediction(1000))
    output.publish(prediction(1125, valid=False))
    rows: list[Any] = []
    while len(rows) < 2:
        sample, stamp = inlet.pull_sample(5)
        assert sample is not None
        rows.append((sample, stamp))
    output.close()
    del inlet
    first = dict(zip(prediction_labels(bundle), rows[0][0], strict=True))
    assert first["mental_load/high"] == 0.75
    assert first["mental_load/high/smoothed"] == 0.25
    assert first["valence/positive"] == 0.625
    assert (first["valid"], first["quality"], first["sample"]) == (1.0, 0.5, 1000.0)
    assert [stamp for _, stamp in rows] == [4.0, 4.5]
    second = dict(zip(prediction_labels(bundle), rows[1][0], strict=True))
    assert second["valid"] == 0.0
    assert np.isnan([value for label, value in second.items() if "/" in label]).all()


@pytest.mark.lsl
def test_markers_tell_what_changes(bundle: Bundle) -> None:
    use_loopback()
    name = f"markers {time.monotonic_ns()}"
    output = LslMarkerOutput(name)
    output.start(bundle, INFO)
    inlet = inlet_of(name)
    for made in (
        prediction(0, valid=False),
        prediction(10, 0.25),
        prediction(20, 0.25),
        prediction(30, 0.75),
        prediction(40, valid=False),
    ):
        output.publish(made)
    output.mark(Marker(9.0, "eyes closed"))
    expected = [
        ("invalid: gap, rest baseline", 0.0),
        ("valid", 0.04),
        ("mental_load: high", 0.04),
        ("valence: negative", 0.04),
        ("mental_load: low", 0.12),
        ("invalid: gap, rest baseline", 0.16),
        ("eyes closed", 9.0),
    ]
    received = [inlet.pull_sample(5) for _ in range(2)]
    # A stamp of 0 means "now" to LSL.
    assert received[0][0] == [expected[0][0]]
    assert (received[1][0][0], received[1][1]) == expected[1]
    for text, stamp in expected[2:]:
        sample, when = inlet.pull_sample(5)
        assert (sample[0], when) == (text, stamp)
    output.close()


# OSC -------------------------------------------------------------------------------------------


def test_osc_messages_arrive(bundle: Bundle) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(30)
        output = OscOutput.parse(str(receiver.getsockname()[1]))
        output.start(bundle, INFO)
        output.publish(prediction())
        messages: dict[str, Any] = {}
        while len(messages) < 13:
            message = OscMessage(receiver.recv(4096))
            messages[message.address] = message.params[0]
        output.close()
    assert messages["/bci/valid"] == 1
    assert messages["/bci/reasons"] == ""
    assert messages["/bci/sample"] == "1000"
    assert messages["/bci/mental_load/high"] == 0.25
    assert messages["/bci/mental_load/high/raw"] == 0.75
    assert messages["/bci/valence/positive/raw"] == 0.625


def test_osc_sends_no_probabilities_of_an_invalid_window(bundle: Bundle) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.3)
        output = OscOutput(receiver.getsockname()[1])
        output.start(bundle, INFO)
        output.publish(prediction(valid=False))
        received = {}
        with suppress(TimeoutError):
            while True:
                message = OscMessage(receiver.recv(4096))
                received[message.address] = message.params[0]
        output.close()
    assert received == {"/bci/valid": 0, "/bci/reasons": "gap, rest baseline", "/bci/sample": "1000"}


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("9000", "127.0.0.1", 9000), ("192.168.1.5:9000", "192.168.1.5", 9000), ("[::1]:9000", "::1", 9000)],
)
def test_osc_address_is_read(text: str, host: str, port: int) -> None:
    output = OscOutput.parse(text)
    assert (output.host, output.port) == (host, port)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:port", "0", "70000"])
def test_unreadable_osc_address_is_told(text: str) -> None:
    with pytest.raises(BciError, match="HOST:PORT"):
        OscOutput.parse(text)


def test_unknown_osc_host_is_told(bundle: Bundle) -> None:
    with pytest.raises(BciError, match="host's name"):
        OscOutput.parse("no.such.host.invalid:9000").start(bundle, INFO)
