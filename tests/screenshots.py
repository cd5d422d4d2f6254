"""Pictures of every state of the window: ``python -m tests.screenshots OUT [STATE]``.

``python -m tests.screenshots docs/images readme`` makes those of the README, in the time that the demo takes.
Real widgets, the real engine and the shipped recording, on the offscreen platform. A person looks at them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PyQt6.QtCore import QEventLoop, QRect, QSettings, Qt, QTimer
from PyQt6.QtGui import QCursor, QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QButtonGroup

from bci_app import demo
from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.bundle.spec import Smoothing, Target
from bci_app.errors import SourceError
from bci_app.gui.app import make_application
from bci_app.gui.command_palette import CommandPalette
from bci_app.gui.controller import Controller
from bci_app.gui.help_dialog import HelpDialog
from bci_app.gui.main_window import MainWindow
from bci_app.gui.settings_dialog import SettingsDialog
from bci_app.gui.study.new_study import NewStudyDialog
from bci_app.gui.theme import THEMES
from bci_app.gui.views.feedback import FeedbackWindow
from bci_app.montage.names import canonical, is_electrode
from bci_app.preprocessing.spec import RestBaseline
from bci_app.presentation.choices import SourceChoice, of_player
from bci_app.presentation.marks import report_text
from bci_app.presentation.opening import Ready
from bci_app.presentation.output_control import OutputChoice
from bci_app.presentation.player import Player
from bci_app.presentation.state import Step
from bci_app.recording import read_recording
from bci_app.sources.file_kind import FileText
from bci_app.sources.lsl.library import local_clock, use_loopback
from bci_app.sources.registry import open_source
from bci_app.stream import StreamInfo
from bci_app.study.markers import Kind, StudyMarker
from tests.bundles import LOAD, VALENCE, small_spec, write_bundle
from tests.lsl_marker_outlet import marker_outlet
from tests.picture_sources import Ahead, synthetic_recording
from tests.study.protocols import TINY, write

ROOT = Path(__file__).resolve().parents[1]
SESSION = ROOT.parent / "shared" / "data" / "eegmat"
"""Rest and arithmetic of one person; not part of the project."""
SMALLEST, SMALL, USUAL, LARGE = (1024, 600), (1366, 768), (1440, 860), (2560, 1440)
_SUFFIX = {SMALLEST: "_smallest", SMALL: "", LARGE: "_large"}
_TIMEOUT = 120.0
_UNLIKE = 7  # of 255, in any of red, green and blue


def until(condition: Callable[[], bool], *, timeout: float = _TIMEOUT) -> None:
    """Run the event loop until something holds."""
    loop, timer = QEventLoop(), QTimer()
    deadline = time.monotonic() + timeout

    def look() -> None:
        if condition() or time.monotonic() > deadline:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(20)
    loop.exec()
    if time.monotonic() > deadline:
        raise TimeoutError("the state was not reached")


def wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end)


def few_colours(picture: QImage) -> QImage:
    """Keep 256 colours, the frequent ones and any that is unlike them: half the size, and no eye sees it."""
    picture = picture.convertToFormat(QImage.Format.Format_RGB32)
    bits = picture.constBits()
    assert bits is not None
    pixels = np.frombuffer(bits.asarray(picture.sizeInBytes()), dtype=np.uint32)
    found, counts = np.unique(pixels, return_counts=True)
    ordered = found[np.argsort(-counts)]
    channels = np.stack([ordered >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(int)
    kept: list[int] = []
    for index, colour in enumerate(channels):
        unlike = not kept or np.abs(channels[kept] - colour).max(axis=1).min() > _UNLIKE
        if unlike and len(kept) < 256:
            kept.append(index)
    table = ordered[kept].tolist()
    return picture.convertToFormat(QImage.Format.Format_Indexed8, table, Qt.ImageConversionFlag.ThresholdDither)


class Studio:
    """Makes windows and pictures of them."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.app = make_application()
        self.folder = Path(tempfile.mkdtemp())
        os.environ["BCI_APP_PROFILES"] = str(self.folder / "profiles")
        self.rest = read_recording(SESSION / "Subject01_1.edf")
        names = tuple(canonical(name) for name in self.rest.info.channels if is_electrode(name) and "A2" not in name)
        self.spec = small_spec(channels=names)
        self.load = self._mental_load()
        emotion = tuple(Target(name=name, classes=("low", "high")) for name in ("valence", "arousal", "dominance"))
        self.emotion = load_bundle(
            write_bundle(
                self.folder / "emotion",
                spec=self.spec,
                targets=emotion,
                title="Synthetic emotion",
                smoothing=Smoothing(windows=8),
            )
        )

        self.classes = load_bundle(write_bundle(self.folder / "classes", spec=self.spec, targets=(VALENCE,)))

    def _mental_load(self) -> LoadedBundle:
        shipped = ROOT / "exported_models" / "mental-load"
        if shipped.is_dir():
            return load_bundle(shipped)
        spec = self.spec.model_copy(update={"baseline": RestBaseline(kind="feature", samples=30 * 128)})
        return load_bundle(
            write_bundle(
                self.folder / "load", spec=spec, targets=(LOAD,), title="Mental load (test weights)", seconds=40.0
            )
        )

    @contextmanager
    def window(self, theme: str, size: tuple[int, int]) -> Iterator[MainWindow]:
        settings = QSettings(str(self.folder / f"{time.monotonic_ns()}.ini"), QSettings.Format.IniFormat)
        settings.setValue("theme", theme)
        settings.setValue("recordings", str(self.folder / "recordings"))
        window = MainWindow(Controller(), title="bci-app", settings=settings)
        QCursor.setPos(size[0] // 2, -100)  # nothing is pointed at
        window.fit_into(QRect(0, 0, *size))
        window.resize(*size)
        window.show()
        try:
            yield window
        finally:
            window.controller.recorder.stop()
            window.close()
            window.deleteLater()
            self.app.processEvents()

    def shoot(self, window: MainWindow, name: str) -> None:
        window.grab().save(str(self.out / f"{name}.png"))

    # States ------------------------------------------------------------------------------------

    def help(self, theme: str) -> None:
        with self.window(theme, SMALL) as window:
            window.show_help()
            wait(0.2)
            (dialog,) = window.findChildren(HelpDialog)
            dialog.grab().save(str(self.out / f"help_{theme}.png"))
            dialog.close()

    def run(
        self, name: str, theme: str, size: tuple[int, int], bundle: LoadedBundle, source: Ahead, *, band: int = 0
    ) -> None:
        with self.window(theme, size) as window:
            window.controller.prepare(
                lambda: Ready(source, bundle), source_text="lsl:OpenBCI Cyton", wait_for_baseline=False
            )
            self._caught_up(window)
            window.controller.mark("stimulus 12")
            window.area.contact.choose_map(band)
            wait(1.0)
            self.shoot(window, name)

    def _caught_up(self, window: MainWindow) -> None:
        controller = window.controller
        until(lambda: controller.session is not None and local_clock() - controller.feed.stream_time.newest < 0.5)
        wait(1.2)

    def empty(self, theme: str) -> None:
        with self.window(theme, SMALL) as window:
            wait(0.2)
            self.shoot(window, f"empty_{theme}")

    def settings(self, theme: str) -> None:
        with self.window(theme, SMALL) as window:
            window.preferences.marker_texts = ["eyes open", "eyes closed", "stimulus"]
            window.show_settings()
            (dialog,) = window.findChildren(SettingsDialog)
            dialog.lsl.setChecked(True)
            dialog.osc.address.setText("192.168.1.20:9000")
            dialog.osc.tick.setChecked(True)
            wait(0.2)
            dialog.grab().save(str(self.out / f"settings_{theme}.png"))
            dialog.close()

    def markers(self, theme: str) -> None:
        """Two marker streams, of which one is chosen, before a session and in it."""
        with self.window(theme, SMALL) as window, marker_outlet("PsychoPy", "psychopy-1") as psychopy:
            player = Player.of_files(FileText((SESSION / "Subject01_2.edf",)))
            page = window.connect_page
            page.prefer(model=self.load.folder)
            page.source.markers.choose([])
            window.show_connect()
            until(lambda: page.model.choice is not None)
            until(lambda: any("Subject01_2" in key for key in page.source.streams.keys))
            page.source.streams.choose(next(key for key in page.source.streams.keys if "Subject01_2" in key))
            until(page.fit.button.isEnabled)
            until(lambda: any("psychopy-1" in key for key in page.source.markers.boxes))
            chosen = [key for key in page.source.markers.boxes if "psychopy-1" in key]
            page.source.markers.choose([*chosen, "name=Button box"])
            wait(0.2)
            self.shoot(window, f"markers_connect_{theme}")
            page.connect_asked.emit(page.source.choice, self.load.folder)
            psychopy.wait_for_receiver()
            until(lambda: bool(window.area.session_panel.streams.text()) and window.controller.feed.traces is not None)
            until(lambda: window.controller.feed.traces.end > 6 * 500)
            for number in range(3):
                psychopy.send(f"picture {number + 1}")
                wait(1.2)
            self.shoot(window, f"markers_{theme}")
            player.close()

    def interpolated(self, theme: str) -> None:
        """A source that lacks two electrodes of a model that can do without them."""
        with self.window(theme, SMALL) as window:
            page = window.connect_page
            page.prefer(source=SourceChoice("synthetic:?channels=Fp1,Fp2,F3,F4,C3,C4,P3,P4,O1,O2,F7,F8,T7,T8,P7,P8,Fz"))
            folder = write_bundle(
                self.folder / f"spared {theme}", spec=self.spec, title="Spares electrodes", max_bad_share=0.2
            )
            page.prefer(model=folder)
            window.show_connect()
            until(page.fit.button.isEnabled)
            wait(0.2)
            self.shoot(window, f"interpolated_{theme}")

    def vad(self, theme: str, size: tuple[int, int] = SMALL) -> None:
        """The shipped synthetic model with the valence–arousal plane, on synthetic signals."""
        bundle = load_bundle(ROOT / "exported_models" / "synthetic-vad")
        names = ",".join(bundle.spec.preprocessing.channels)
        recording = synthetic_recording(f"synthetic:?channels={names}&speed=max&seconds=90")
        name = f"vad{'_large' if size == LARGE else ''}_{theme}"
        self.run(name, theme, size, bundle, Ahead(recording, ahead=80, name="Synthetic"))

    def connect(self, theme: str, size: tuple[int, int] = SMALL) -> None:
        suffix = "_large" if size == LARGE else ""
        samples = [SESSION / f"Subject01_{number}.edf" for number in (1, 2)]
        players = [Player.of_files(FileText((path,))) for path in samples]
        with self.window(theme, size) as window:
            page = window.connect_page
            page.prefer(model=self.load.folder)
            window.show_connect()
            until(lambda: page.source.streams.count() >= 2 and page.model.choice is not None)
            page.source.streams.choose(page.source.streams.keys[0])
            until(page.fit.button.isEnabled)
            wait(0.2)
            self.shoot(window, f"connect{suffix}_{theme}")
            page.source.choose(SourceChoice("brainflow:CYTON"))
            until(lambda: "CYTON" in page.fit.detail.text())
            wait(0.3)
            self.shoot(window, f"connect_board{suffix}_{theme}")
            muse = ROOT.parent / "shared" / "data" / "muse" / "muse_p300.csv"
            if muse.is_file():
                page.source.choose(SourceChoice(f"file:{muse}"))
                until(lambda: "muse" in page.fit.summary.text() + page.fit.detail.text())
                wait(0.3)
                self.shoot(window, f"connect_misfit{suffix}_{theme}")
        for player in players:
            player.close()

    def contact(self, theme: str, size: tuple[int, int] = SMALL) -> None:
        noise = np.random.default_rng(0)

        def spoil(data: np.ndarray, _times: np.ndarray) -> None:
            data[:, 6] = 3.0
            data[:, 15] += 300 * noise.standard_normal(len(data))
            data[:, 2] += 90 * np.sin(2 * np.pi * 50 * _times)

        with self.window(theme, size) as window:
            window.controller.prepare(
                lambda: Ready(Ahead(self.rest, ahead=8, spoil=spoil), self.load), wait_for_baseline=True
            )
            self._caught_up(window)
            self.shoot(window, f"contact{'_large' if size == LARGE else ''}_{theme}")

    def baseline(self, theme: str, size: tuple[int, int] = SMALL) -> None:
        with self.window(theme, size) as window:
            window.controller.prepare(lambda: Ready(Ahead(self.rest, ahead=14), self.load), wait_for_baseline=False)
            self._caught_up(window)
            self.shoot(window, f"baseline{_SUFFIX[size]}_{theme}")

    def lost(self, theme: str, size: tuple[int, int] = SMALL) -> None:
        with self.window(theme, size) as window:
            window.area.contact.choose_map(3)
            window.controller.prepare(
                lambda: Ready(Ahead(self.rest, ahead=60, lost_after=61), self.load), wait_for_baseline=False
            )
            until(lambda: window.banner.isVisible())
            wait(5.0)
            self.shoot(window, f"lost{_SUFFIX[size]}_{theme}")

    def opening(self, theme: str) -> None:
        """A source that takes its time."""
        answered = threading.Event()

        class Slow(Ahead):
            def start(self) -> StreamInfo:
                answered.wait(_TIMEOUT)
                return super().start()

        with self.window(theme, SMALL) as window:
            window.controller.prepare(
                lambda: Ready(Slow(self.rest, ahead=0), self.load), source_text="lsl:OpenBCI Cyton"
            )
            wait(0.3)
            self.shoot(window, f"opening_{theme}")
            answered.set()

    def paused(self, theme: str) -> None:
        """A recording that waits, and the same at its end while another one is made of it."""
        with self.window(theme, SMALL) as window:
            player = Player.of_files(FileText((SESSION / "Subject01_2.edf",), speed=8.0))
            window.controller.prepare(
                lambda: of_player(player, self.load), source_text="file:Subject01_2.edf", wait_for_baseline=False
            )
            until(lambda: window.header.steps.current is Step.RUN)
            window.toggle_recording()
            wait(2.0)
            player.pause()
            wait(1.5)
            self.shoot(window, f"paused_{theme}")
            player.resume()
            until(lambda: player.playback().ended)
            wait(3.0)
            self.shoot(window, f"ended_{theme}")

    def invalid(self, theme: str, size: tuple[int, int] = SMALL) -> None:
        def spoil(data: np.ndarray, times: np.ndarray) -> None:
            data[times > 55, 9] = 3.0

        with self.window(theme, size) as window:
            source = Ahead(self.rest, ahead=64, gap=(44.0, 46.5), spoil=spoil)
            window.controller.prepare(lambda: Ready(source, self.load), wait_for_baseline=False)
            self._caught_up(window)
            self.shoot(window, f"invalid{_SUFFIX[size]}_{theme}")

    def artefact(self, theme: str) -> None:
        """A burst of muscle and a jolt, in a model that makes no rule of them."""
        bundle = load_bundle(ROOT / "exported_models" / "synthetic-vad")
        names = ",".join(bundle.spec.preprocessing.channels)
        recording = synthetic_recording(f"synthetic:?channels={names}&speed=max&seconds=90")
        noise = np.random.default_rng(0)

        def spoil(data: np.ndarray, times: np.ndarray) -> None:
            data[(times > 72) & (times < 73)] += 40 * noise.standard_normal(data.shape)[(times > 72) & (times < 73)]
            data[(times > 76) & (times < 77)] += 200 * np.sin(times[(times > 76) & (times < 77)] * 8)[:, None]

        source = Ahead(recording, ahead=80, name="Synthetic", spoil=spoil)
        self.run(f"artefact_{theme}", theme, SMALL, bundle, source)

    def failed(self, theme: str) -> None:
        class Absent(Ahead):
            def start(self) -> StreamInfo:
                raise SourceError(
                    "No LSL stream found within 5 s",
                    found="no stream at all",
                    expected="name 'OpenBCI Cyton'",
                    fix="Start the stream, or choose another source.",
                )

        with self.window(theme, SMALL) as window:
            window.controller.prepare(lambda: Ready(Absent(self.rest, ahead=0), self.load))
            until(lambda: window.banner.isVisible())
            wait(1.0)
            self.shoot(window, f"failed_{theme}")

    def replay(self, theme: str, size: tuple[int, int] = SMALL) -> None:
        suffix = "_large" if size == LARGE else ""
        with self.window(theme, size) as window:
            player = Player.of_files(FileText((SESSION / "Subject01_2.edf",), speed=8.0))
            window.controller.prepare(
                lambda: of_player(player, self.load), source_text="file:Subject01_2.edf", wait_for_baseline=False
            )
            until(lambda: window.header.steps.current is Step.RUN)
            window.controller.outputs.choose(OutputChoice(osc="127.0.0.1:9000").with_lsl(True))
            wait(2.0)
            player.set_speed(1.0)
            window.area.session_panel.participant.setText("P07")
            window.toggle_recording()
            window.controller.mark("eyes closed")
            wait(2.5)
            self.shoot(window, f"replay{suffix}_{theme}")
            window.run_action("report")
            window.area.session_panel.report.findChildren(QButtonGroup)[0].button(7).click()
            wait(0.2)
            self.shoot(window, f"self_report{suffix}_{theme}")

    def feedback(self, theme: str) -> None:
        """A study of a simulated participant: trials, self-reports, the planted state, and the feedback window."""
        bundle = load_bundle(ROOT / "exported_models" / "synthetic-vad")
        channels = ",".join(bundle.spec.preprocessing.channels)
        for size, suffix in ((SMALL, ""), (LARGE, "_large")):
            with self.window(theme, size) as window:
                source = open_source(f"synthetic:?montage={channels}&effect=2&speed=8&seconds=200")
                window.controller.prepare(
                    lambda source=source: Ready(source, bundle), source_text="synthetic:", wait_for_baseline=False
                )
                until(lambda: window.header.steps.current is Step.RUN)
                controller = window.controller
                for number, condition in enumerate(("calm memory", "tense memory")):
                    values = {"trial": str(number), "condition": condition}
                    controller.mark(StudyMarker(Kind.TRIAL_ONSET, values).text)
                    wait(4.0)
                    controller.mark(StudyMarker(Kind.TRIAL_OFFSET, values).text)
                    ratings = {"valence": 7 - 4 * number, "arousal": 3 + 4 * number, "dominance": 5}
                    controller.mark(report_text(ratings))
                    wait(1.0)
                self.shoot(window, f"study{suffix}_{theme}")
                window.run_action("feedback")
                (shown,) = window.findChildren(FeedbackWindow)
                shown.resize(900, 800)
                for name in ("plane", "gauge"):
                    wait(0.6)
                    shown.grab().save(str(self.out / f"feedback_{name}{suffix}_{theme}.png"))
                    QTest.keyClick(shown, Qt.Key.Key_Right)
                window.run_action("report")
                wait(0.3)
                self.shoot(window, f"rating{suffix}_{theme}")

    def own_model(self, theme: str, size: tuple[int, int] = SMALL) -> None:
        """A study of a simulated participant, from the dialog to the verdict and the live session."""
        suffix = _SUFFIX[size]
        protocol = TINY.replace("repetitions = 3", "repetitions = 6").replace("valence", "arousal")
        protocol = protocol.replace("seconds = 10", "seconds = 35")  # the rest of the model
        path = write(self.folder, protocol.replace('title = "Tiny"', 'title = "Two memories"'))
        with self.window(theme, size) as window:
            page = window.connect_page
            page.prefer(model=ROOT / "exported_models" / "synthetic-vad")
            page.prefer(source=SourceChoice("synthetic:?participant=3&effect=3&speed=max"))
            window.show_connect()
            until(page.fit.study.isEnabled)
            wait(0.5)
            self.shoot(window, f"study_first{suffix}_{theme}")
            page.fit.study.click()
            (dialog,) = window.findChildren(NewStudyDialog)
            dialog.grab().save(str(self.out / f"study_dialog{suffix}_{theme}.png"))
            dialog.add_protocol(str(path))
            dialog.folder.setText(str(self.folder / f"S{suffix}{theme}"))
            dialog.begin.click()
            until(lambda: window.studies.study is not None)
            running = window.studies.study
            assert running is not None
            until(lambda: len(running.study.runner.done) >= 3)
            self.shoot(window, f"study_operator{suffix}_{theme}")
            until(lambda: running.over)
            running.verdict.button.click()
            until(running.verdict.use.isVisible)
            wait(0.3)
            self.shoot(window, f"study_verdict{suffix}_{theme}")
            page.fit.check.setChecked(False)
            page.prefer(source=SourceChoice("synthetic:?participant=3&effect=3"))
            running.verdict.use.click()
            until(lambda: window.header.steps.current is Step.RUN)
            wait(8.0)
            self.shoot(window, f"study_live{suffix}_{theme}")
            window.show_connect()
            wait(0.5)
            self.shoot(window, f"study_profile{suffix}_{theme}")

    def palette(self, theme: str) -> None:
        with self.window(theme, SMALL) as window:
            window.run_action("palette")
            (found,) = window.findChildren(CommandPalette)
            wait(0.2)
            found.grab().save(str(self.out / f"palette_{theme}.png"))
            menu = window.header.menu.menu()
            assert menu is not None
            menu.popup(window.mapToGlobal(window.rect().center()))
            wait(0.2)
            menu.grab().save(str(self.out / f"menu_{theme}.png"))
            menu.close()
            found.close()

    def watch(self, theme: str) -> None:
        muse = ROOT.parent / "shared" / "data" / "muse" / "muse_p300.csv"
        if not muse.is_file():
            return
        with self.window(theme, SMALL) as window:
            player = Player.of_files(FileText((muse,)))
            window.controller.prepare(lambda: of_player(player, None), source_text="file:muse_p300.csv")
            until(lambda: window.controller.feed.traces is not None and window.controller.feed.traces.end > 12 * 256)
            self.shoot(window, f"watch_{theme}")

    def seam(self, theme: str) -> None:
        """A recording that follows another one, and one sought in."""
        with self.window(theme, SMALL) as window:
            player = Player.of_files(FileText(tuple(sorted(SESSION.glob("*.edf")))))
            player.seek(178.0)
            window.controller.prepare(
                lambda: of_player(player, self.load), source_text="file:…", wait_for_baseline=False
            )
            until(lambda: player.playback().position > 185.0)
            player.seek(200.0)
            until(lambda: player.playback().position > 202.0)
            self.shoot(window, f"seam_{theme}")

    def readme(self) -> None:
        """The demo as it runs, in its second emotion."""
        session = demo.simulated_session()
        bundle = load_bundle(ROOT / "exported_models" / session.bundle)
        with demo.replayed(session) as replay, self.window("dark", USUAL) as window:
            player = Player(replay.thread, owned=False)
            window.controller.prepare(
                lambda: Ready(replay.source(), bundle, player, player.markers),
                source_text=session.title,
                wait_for_baseline=False,
            )
            until(lambda: player.playback().position > 125, timeout=125 + _TIMEOUT)
            for theme in ("dark", "light"):
                window.show_theme(THEMES[theme])
                wait(5.0)  # the load of the change is over
                few_colours(window.grab().toImage()).save(str(self.out / f"window-{theme}.png"))

    def many_channels(self, theme: str) -> None:
        eegmmidb = ROOT.parent / "shared" / "data" / "eegmmidb" / "S001R01.edf"
        if not eegmmidb.is_file():
            return
        recording = read_recording(eegmmidb)
        names = tuple(canonical(name) for name in recording.info.channels)
        bundle = load_bundle(write_bundle(self.folder / "many", spec=small_spec(channels=names), targets=(LOAD,)))
        self.run(f"channels64_{theme}", theme, SMALL, bundle, Ahead(recording, ahead=40, name="eegmmidb"))


def main(out: Path, only: str = "") -> None:
    """Make all pictures but those of the README, or those whose state begins with `only`."""
    out.mkdir(parents=True, exist_ok=True)
    use_loopback()
    studio = Studio(out)
    states: dict[str, Callable[[str], None]] = {
        "empty": studio.empty,
        "connect": studio.connect,
        "contact": studio.contact,
        "baseline": studio.baseline,
        "run": lambda theme: studio.run(
            f"run_{theme}", theme, SMALL, studio.load, Ahead(studio.rest, ahead=75, gap=(70.0, 71.2))
        ),
        "help": studio.help,
        "smallest": lambda theme: studio.run(
            f"smallest_{theme}", theme, SMALLEST, studio.classes, Ahead(studio.rest, ahead=45)
        ),
        "large": lambda theme: studio.run(f"large_{theme}", theme, LARGE, studio.load, Ahead(studio.rest, ahead=75)),
        "emotion": lambda theme: studio.run(
            f"emotion_{theme}", theme, SMALL, studio.emotion, Ahead(studio.rest, ahead=60)
        ),
        "topography": lambda theme: studio.run(
            f"topography_{theme}", theme, SMALL, studio.load, Ahead(studio.rest, ahead=75), band=3
        ),
        "vad": studio.vad,
        "large_vad": lambda theme: studio.vad(theme, LARGE),
        "large_connect": lambda theme: studio.connect(theme, LARGE),
        "large_contact": lambda theme: studio.contact(theme, LARGE),
        "large_replay": lambda theme: studio.replay(theme, LARGE),
        **{
            f"{word}_{state.__name__}": partial(state, size=size)
            for word, size in (("smallest", SMALLEST), ("large", LARGE))
            for state in (studio.baseline, studio.lost, studio.invalid)
        },
        "opening": studio.opening,
        "paused": studio.paused,
        "settings": studio.settings,
        "markers": studio.markers,
        "interpolated": studio.interpolated,
        "seam": studio.seam,
        "invalid": studio.invalid,
        "lost": studio.lost,
        "artefact": studio.artefact,
        "failed": studio.failed,
        "replay": studio.replay,
        "channels64": studio.many_channels,
        "watch": studio.watch,
        "feedback": studio.feedback,
        "palette": studio.palette,
        "own_model": studio.own_model,
        "large_own_model": lambda theme: studio.own_model(theme, LARGE),
    }
    if only == "readme":
        studio.readme()
        return
    for state, make in states.items():
        for theme in ("dark", "light"):
            if state.startswith(only):
                make(theme)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
