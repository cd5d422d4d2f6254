"""Checks of this machine: libraries, display, streams. Each failure comes with its fix."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from bci_app.errors import BciError

# What PyQt6's X11 platform needs beside itself, and the Debian/Ubuntu package that holds it. Qt aborts
# the whole process where one is missing, so they are looked for before.
_X_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb.so.1": "libxcb1",
}
# What any window needs, on X11 and Wayland.
_WINDOW_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libglib-2.0.so.0": "libglib2.0-0",
}
_DISPLAYLESS_PLATFORMS = ("offscreen", "minimal", "vnc", "linuxfb", "eglfs")
_LOOPBACK_SECONDS = 5.0

# An ONNX model (opset 13) of the one node y = -x, float32 of length 1.
NEGATION = bytes.fromhex(
    "08083a320a0b0a017812017922034e65671201675a0f0a0178120a0a08080112040a020801620f0a0179120a0a08080112040a02080142040a00100d"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes
    ----------
    name : str
        What was looked at.
    ok : bool
        Whether it is as it should be.
    detail : str
        What was found.
    fix : str
        What to do if it is not; else empty.
    needed : bool
        Whether nothing works without it; a display only the window needs.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Run all checks. Each stands alone: one that fails does not stop the next."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Python", _python),
        ("LSL library", _lsl_library),
        ("LSL streams", check_lsl),
        ("BrainFlow", check_brainflow),
        ("Display", _display),
        ("ONNX Runtime", check_onnx_runtime),
        ("Shipped model", _shipped_bundle),
    ]
    return [_finding(name, check) for name, check in checks]


def _finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except BciError as error:
        found = f": {error.found}" if error.found else ""
        return Finding(name, False, f"{error.summary}{found}", error.fix or "", needed=check is not _display)


def _python() -> str:
    return f"{platform.python_version()} on {platform.platform()}"


def _lsl_library() -> str:
    from bci_app.sources.lsl.library import library_version, load_pylsl

    load_pylsl()
    return f"liblsl {library_version()}, pylsl {_version('pylsl')}"


def check_lsl() -> str:
    """Send one sample to this program, as any two programs on this machine would."""
    from bci_app.sources.lsl.library import load_pylsl, scope

    pylsl = load_pylsl()
    source_id = f"bci-app-doctor-{uuid.uuid4().hex}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("bci-app doctor", "Test", 1, 0.0, pylsl.cf_double64, source_id))
    begin = time.monotonic()
    found = pylsl.resolve_byprop("source_id", source_id, 1, _LOOPBACK_SECONDS)
    seconds = time.monotonic() - begin
    notice = BciError(
        "A stream of this machine is not found by this machine",
        fix="Let the firewall pass UDP and TCP ports 16571 to 16699 on the loopback device, and remove or correct "
        "an lsl_api.cfg in your home folder.",
    )
    if not found:
        raise notice
    inlet = pylsl.StreamInlet(found[0], recover=False)
    try:
        inlet.open_stream(_LOOPBACK_SECONDS)
        outlet.push_sample([1.0])
        sample, _ = inlet.pull_sample(_LOOPBACK_SECONDS)
    except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
        raise notice from error
    finally:
        # Inlets go before their outlets.
        del inlet
    if sample != [1.0]:
        raise notice
    where = "this machine only" if scope() == "machine" else "the network"
    return f"found and received in {seconds * 1e3:.0f} ms; scope: {where}"


def check_brainflow() -> str:
    """Load BrainFlow and return how many boards it knows."""
    from bci_app.sources.brainflow.boards import board_ids

    return f"{len(board_ids())} boards, version {_version('brainflow')}"


def _display() -> str:
    notice = _display_trouble()
    if notice is not None:
        raise BciError("No window can open", found=notice[0], fix=f"{notice[1]}. Until then use the terminal.")
    return f"{os.environ.get('QT_QPA_PLATFORM') or _display_name()}, PyQt6 {_version('PyQt6')}"


def check_onnx_runtime() -> str:
    """Run a graph of one node and return the version."""
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except (ImportError, OSError) as error:
        raise _onnx_trouble(error) from error
    try:
        session = onnxruntime.InferenceSession(NEGATION, providers=["CPUExecutionProvider"])
        (result,) = session.run(None, {"x": np.ones(1, dtype=np.float32)})
    except (state.Fail, state.InvalidProtobuf, state.RuntimeException, state.EPFail, RuntimeError) as error:
        raise _onnx_trouble(error) from error
    if result.tolist() != [-1.0]:
        raise BciError("ONNX Runtime computes wrongly", found=f"-1 = {result.tolist()}", fix="Reinstall onnxruntime.")
    return f"version {onnxruntime.__version__}"


def _onnx_trouble(error: Exception) -> BciError:
    first = str(error).splitlines()[0]
    return BciError("ONNX Runtime does not work", found=first, fix="Run `pip install -U onnxruntime`.")


def _shipped_bundle() -> str:
    from bci_app.bundle import find_bundle, load_bundle

    loaded = load_bundle(find_bundle("mental-load"))
    return f"{loaded.spec.name}, {len(loaded.model) / 2**20:.1f} MB, {loaded.spec.title}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


# The display ------------------------------------------------------------------------------------


def missing_x_libraries(*, loads: Callable[[str], bool] | None = None) -> list[str]:
    """Name the packages (Debian, Ubuntu) of the libraries that a window needs on X11 and that are missing.

    Nothing of Qt is loaded.

    Parameters
    ----------
    loads : callable, optional
        Tells whether a library loads; injected by tests.

    Returns
    -------
    list of str
        Empty if all are there, and on systems other than Linux.
    """
    return _missing({**_X_LIBRARIES, **_WINDOW_LIBRARIES}, loads)


def _missing(libraries: dict[str, str], loads: Callable[[str], bool] | None) -> list[str]:
    if not sys.platform.startswith("linux"):
        return []
    test = loads or can_load
    return [package for library, package in libraries.items() if not test(library)]


def can_load(library: str) -> bool:
    """Return whether a shared library of the system can be loaded."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def display_problem() -> str | None:
    """Say why no window can open, and what to do; None if one can.

    Looks for PyQt6, a display that answers and the libraries that Qt's platform needs, without loading
    Qt, which would abort the process.
    """
    notice = _display_trouble()
    return None if notice is None else f"{notice[0]}. {notice[1]}."


def _display_trouble() -> tuple[str, str] | None:
    """Return what is wrong with the display, and what to do."""
    if importlib.util.find_spec("PyQt6") is None:
        return "PyQt6 is not installed", "Install it with: pip install PyQt6"
    if not sys.platform.startswith("linux"):
        return None
    if os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0] in _DISPLAYLESS_PLATFORMS:
        return _to_install(_missing(_WINDOW_LIBRARIES, None))
    wayland, x11 = os.environ.get("WAYLAND_DISPLAY"), os.environ.get("DISPLAY")
    if not wayland and not x11:
        return (
            "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set",
            "Start it from a desktop, or by ssh -X",
        )
    # With both, Qt chooses by the desktop: either must work.
    if notice := _to_install(missing_x_libraries() if x11 else _missing(_WINDOW_LIBRARIES, None)):
        return notice
    if not wayland and not _x_server_answers():
        return f"the display {x11} does not answer", "Check DISPLAY, and that you may use it (xauth)"
    return None


def _to_install(packages: list[str]) -> tuple[str, str] | None:
    if not packages:
        return None
    names = " ".join(packages)
    return f"Qt lacks {'a library' if len(packages) == 1 else 'libraries'}", f"Install with: sudo apt install {names}"


def _display_name() -> str:
    if not sys.platform.startswith("linux"):
        return platform.system()
    wayland = os.environ.get("WAYLAND_DISPLAY")
    return f"Wayland {wayland}" if wayland else f"X11 {os.environ.get('DISPLAY')}"


# Connections by which X servers were asked. A server starts again when its last client leaves, and refuses
# who comes meanwhile, which would be Qt: they stay open as long as the process.
_x_connections: dict[str, int] = {}


def _x_server_answers() -> bool:
    """Open a connection to the X server, as Qt would."""
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    display = os.environ.get("DISPLAY", "")
    connection = xcb.xcb_connect(None, None)
    answers = bool(xcb.xcb_connection_has_error(connection) == 0)
    former = _x_connections.pop(display, None)
    if answers:
        _x_connections[display] = connection
    else:
        xcb.xcb_disconnect(connection)
    if former is not None:
        xcb.xcb_disconnect(former)
    return answers
