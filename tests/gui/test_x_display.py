"""A whole session on a real X display, with keys and mouse as a user presses them."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pyxdf
from PyQt6.QtGui import QImage

from bci_app.gui.theme import DARK, LIGHT
from bci_app.montage.names import canonical, is_electrode
from bci_app.recording import read_recording
from tests.bundles import small_spec, write_bundle

WIDTH, HEIGHT = 1366, 768
LIMIT = 120.0
BASELINE = 4.0  # seconds of the model's rest baseline
# Centres of what is clicked, in pixels.
RECORD, MARK, FP1 = (1090, 24), (1184, 24), (322, 123)
NEEDED = ("Xvfb", "xdotool")

pytestmark = pytest.mark.skipif(
    not all(shutil.which(program) for program in NEEDED),
    reason="Xvfb and xdotool are not on this machine",
)


class Desk:
    """A separate display, with hands.

    Parameters
    ----------
    folder : Path
        Home of the program that is started: its settings and recordings go there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        reader, writer = os.pipe()
        # Without noreset it starts again, deaf for a moment, whenever the last of its clients leaves. -r: a key that a
        # stalled machine holds for long is not repeated.
        screen = ["-screen", "0", f"{WIDTH}x{HEIGHT}x24"]
        options = ["-displayfd", str(writer), *screen, "-nolisten", "tcp", "-noreset", "-r"]
        self._server = subprocess.Popen(["Xvfb", *options], pass_fds=[writer], stderr=subprocess.DEVNULL)
        os.close(writer)
        number = ""
        # The line comes in pieces, and the server dies if nobody reads the last.
        while not number.endswith("\n"):
            ready, _, _ = select.select([reader], [], [], LIMIT)
            piece = os.read(reader, 16).decode() if ready else ""
            assert piece, "Xvfb has not started"
            number += piece
        os.close(reader)
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("QT_", "XDG_"))}
        self.environment = {**keep, "DISPLAY": f":{number.strip()}", "QT_QPA_PLATFORM": "xcb", "HOME": str(folder)}
        self.program: subprocess.Popen[bytes] | None = None
        self.errors = folder / "errors.txt"

    def start(self, *arguments: str) -> None:
        with self.errors.open("wb") as errors:
            self.program = subprocess.Popen(
                [sys.executable, "-m", "bci_app", *arguments], env=self.environment, stderr=errors
            )

    def wait(self) -> int:
        """Wait for the program's end; give its exit code."""
        assert self.program is not None
        return self.program.wait(LIMIT)

    def eventually(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something can be seen from outside of the program."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert self.program is not None
            ended = self.program.poll() is not None
            assert not ended, f"{what}: the program has ended: {self.errors.read_text()}"
            assert time.monotonic() < deadline, f"{what}: not within {LIMIT:g} s. {self.errors.read_text()}"
            time.sleep(0.1)

    def do(self, *arguments: str, check: bool = True) -> str:
        """Ask xdotool for something."""
        done = subprocess.run(
            ["xdotool", *arguments], env=self.environment, capture_output=True, text=True, timeout=LIMIT, check=check
        )
        return done.stdout.strip()

    def windows(self, title: str) -> list[str]:
        # A search fails while windows come and go.
        return self.do("search", "--onlyvisible", "--name", title, check=False).split()

    def hold(self, title: str) -> None:
        """Wait for a window with this in its title; no window manager gives it the keyboard, so do that."""
        self.eventually(lambda: bool(self.windows(title)), f"a window {title!r}")
        self.do("windowfocus", "--sync", self.windows(title)[0])

    def press(self, *keys: str) -> None:
        self.do("key", "--delay", "40", *keys)

    def type(self, text: str) -> None:
        self.do("type", "--delay", "20", text)

    def click(self, place: tuple[int, int]) -> None:
        self.do("mousemove", str(place[0]), str(place[1]), "click", "1")

    def recordings(self) -> list[Path]:
        return sorted((self.folder / "bci-app recordings").glob("*.xdf"))

    def picture(self) -> QImage:
        """Let the program save its next picture."""
        folder = self.folder / "bci-app recordings"
        before = set(folder.glob("*.png"))
        self.press("ctrl+p")
        self.eventually(lambda: bool(set(folder.glob("*.png")) - before), "picture")
        (path,) = set(folder.glob("*.png")) - before
        return QImage(str(path))

    def close(self) -> None:
        for process in (self.program, self._server):
            if process is not None:
                process.terminate()
                process.wait(LIMIT)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def streams(path: Path) -> dict[str, dict[str, object]]:
    """Read a recording, finished or not; of streams of markers the program's own."""
    found, _ = pyxdf.load_xdf(str(path), synchronize_clocks=False, dejitter_timestamps=False)
    kinds = [(stream["info"]["type"][0], stream["info"]["name"][0], stream) for stream in found]
    return {kind: stream for kind, name, stream in kinds if kind != "Markers" or name == "Markers"}


def markers(path: Path) -> list[str]:
    stream = streams(path).get("Markers")
    return [] if stream is None else [str(sample[0]) for sample in stream["time_series"]]  # type: ignore[attr-defined]


def valid_predictions(path: Path) -> int:
    stream = streams(path).get("Predictions")
    if stream is None:
        return 0
    labels = [c["label"][0] for c in stream["info"]["desc"][0]["channels"][0]["channel"]]  # type: ignore[index]
    column = labels.index("valid")
    return sum(bool(sample[column]) for sample in stream["time_series"])  # type: ignore[attr-defined]


def predicts_after_baseline(desk: Desk, path: Path) -> bool:
    """Ask for the baseline and give it time; before contact is judged the key does nothing, so ask again then."""
    desk.press("ctrl+b")
    patience = time.monotonic() + 2 * BASELINE
    while valid_predictions(path) <= 2 and time.monotonic() < patience:
        time.sleep(0.1)
    return valid_predictions(path) > 2


def traces(picture: QImage) -> QImage:
    """Cut the traces out of a picture."""
    return picture.copy(360, 90, 600, 560)


def test_a_session_from_connecting_to_quitting(
    desk: Desk, tmp_path: Path, sample_recordings: tuple[Path, Path]
) -> None:
    _, arithmetic = sample_recordings
    names = read_recording(arithmetic).info.channels
    used = tuple(canonical(name) for name in names if is_electrode(name) and "A2" not in name)
    bundle = write_bundle(tmp_path / "model", spec=small_spec(channels=used))
    desk.start("gui", "--source", f"file:{arithmetic}", "--bundle", str(bundle))
    desk.hold("Linear test model")

    desk.press("ctrl+d")
    desk.eventually(lambda: bool(desk.recordings()), "recording begun")
    (recording,) = desk.recordings()
    desk.eventually(lambda: predicts_after_baseline(desk, recording), "valid predictions")

    desk.press("F1")
    desk.press("ctrl+m")
    desk.type("eyes closed")
    desk.press("Return")
    desk.press("ctrl+r", "7", "3", "5", "Return")
    expected = ["F1", "eyes closed", "self-report valence=7 arousal=3 dominance=5", "mark 1"]
    desk.eventually(lambda: markers(recording) == expected[:-1], "markers in the recording")
    desk.click(MARK)  # once no dialog lies above it
    desk.eventually(lambda: markers(recording) == expected, "a click's mark in the recording")

    desk.click(FP1)
    dark = desk.picture()
    assert (dark.width(), dark.height()) == (WIDTH, HEIGHT)
    assert dark.pixelColor(WIDTH - 2, 2).name() == DARK.background
    desk.press("ctrl+t")
    assert desk.picture().pixelColor(WIDTH - 2, 2).name() == LIGHT.background

    desk.press("space")
    # What is found in the last second before is still drawn into it.
    desk.eventually(lambda: traces(desk.picture()) == traces(desk.picture()), "traces that stand still")
    held = desk.picture()
    desk.press("space")
    desk.eventually(lambda: traces(desk.picture()) != traces(held), "traces that go on")

    desk.click(RECORD)
    stopped = recording.stat().st_size
    desk.press("ctrl+q")
    assert desk.wait() == 0
    assert "Traceback" not in desk.errors.read_text()
    assert recording.stat().st_size >= stopped
    samples = streams(recording)["EEG"]["time_series"]
    assert len(samples) > 5 * 500  # type: ignore[arg-type]
    assert markers(recording) == expected
