"""The doctor finds what is wrong, says what to do, and loads no Qt."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bci_app import doctor
from bci_app.errors import BciError
from bci_app.sources.lsl.library import use_loopback

ROOT = Path(__file__).resolve().parents[1]

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X libraries are a matter of Linux")


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.lsl
def test_every_check_reports_and_failures_come_with_a_fix() -> None:
    use_loopback()
    findings = {finding.name: finding for finding in doctor.examine()}
    assert list(findings) == [
        "Python",
        "LSL library",
        "LSL streams",
        "BrainFlow",
        "Display",
        "ONNX Runtime",
        "Shipped model",
    ]
    for finding in findings.values():
        assert finding.detail
        assert finding.ok or finding.fix
    for name in ("LSL library", "LSL streams", "BrainFlow", "ONNX Runtime"):
        assert findings[name].ok, findings[name]
    assert "this machine only" in findings["LSL streams"].detail


def test_a_check_that_fails_does_not_stop_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise BciError("It is broken", found="a crack", fix="Glue it.")

    monkeypatch.setattr(doctor, "check_brainflow", fail)
    monkeypatch.setattr(doctor, "check_lsl", fail)
    findings = {finding.name: finding for finding in doctor.examine()}
    assert not findings["BrainFlow"].ok
    assert findings["BrainFlow"].detail == "It is broken: a crack"
    assert findings["BrainFlow"].fix == "Glue it."
    assert findings["ONNX Runtime"].ok


@linux
def test_missing_libraries_are_named_by_their_packages() -> None:
    expected = {
        *("libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-image0"),
        *("libxcb-render-util0", "libxkbcommon-x11-0", "libegl1"),
    }
    assert expected <= set(doctor.missing_x_libraries(loads=lambda _: False))
    assert doctor.missing_x_libraries(loads=lambda name: name != "libxcb-cursor.so.0") == ["libxcb-cursor0"]
    assert doctor.missing_x_libraries(loads=lambda _: True) == []


@linux
def test_no_display_is_told(no_display: pytest.MonkeyPatch) -> None:
    problem = doctor.display_problem()
    assert problem is not None
    assert "neither DISPLAY nor WAYLAND_DISPLAY" in problem


@linux
def test_missing_libraries_are_told_with_the_install_line(no_display: pytest.MonkeyPatch) -> None:
    no_display.setenv("DISPLAY", ":0")
    no_display.setattr(doctor, "can_load", lambda name: "cursor" not in name and "EGL" not in name)
    problem = doctor.display_problem()
    assert problem is not None
    assert "sudo apt install libxcb-cursor0 libegl1" in problem


@linux
def test_display_that_does_not_answer_is_told(no_display: pytest.MonkeyPatch) -> None:
    if doctor.missing_x_libraries():
        pytest.skip("the X libraries are not on this machine")
    no_display.setenv("DISPLAY", ":4711")
    problem = doctor.display_problem()
    assert problem is not None
    assert ":4711 does not answer" in problem


@linux
def test_display_that_answers_is_no_problem(no_display: pytest.MonkeyPatch) -> None:
    server = shutil.which("Xvfb")
    if server is None or doctor.missing_x_libraries():
        pytest.skip("Xvfb or the X libraries are not on this machine")
    # It ends when its last client leaves; others only start again, and refuse clients meanwhile.
    command = [server, "-displayfd", "1", "-screen", "0", "640x480x24", "-terminate"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as xvfb:
        try:
            assert xvfb.stdout is not None
            no_display.setenv("DISPLAY", f":{xvfb.stdout.readline().strip()}")
            deadline = time.monotonic() + 120
            while doctor.display_problem() is not None and time.monotonic() < deadline:
                time.sleep(0.05)
            assert doctor.display_problem() is None
            with pytest.raises(subprocess.TimeoutExpired):
                xvfb.wait(0.5)
        finally:
            xvfb.terminate()


def test_offscreen_needs_no_display(no_display: pytest.MonkeyPatch) -> None:
    no_display.setenv("QT_QPA_PLATFORM", "offscreen")
    no_display.setattr(doctor, "can_load", lambda _: True)
    assert doctor.display_problem() is None


def test_missing_qt_is_told(no_display: pytest.MonkeyPatch) -> None:
    no_display.setattr(doctor.importlib.util, "find_spec", lambda _: None)
    assert "pip install PyQt6" in str(doctor.display_problem())


def test_looking_loads_no_qt() -> None:
    code = (
        "import sys, bci_app.doctor as d; d.display_problem(); d.missing_x_libraries(); "
        "sys.exit(any(name.startswith('PyQt6') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_broken_onnx_runtime_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEGATION", b"not a model")
    with pytest.raises(BciError, match="ONNX Runtime does not work"):
        doctor.check_onnx_runtime()
