"""One module and one line: a toy panel, a toy target view and a toy action work without any other change."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QVBoxLayout
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle
from bci_app.bundle.spec import Bundle
from bci_app.gui import actions, panels
from bci_app.gui.action_menu import ActionMenu
from bci_app.gui.actions import Action, Needs
from bci_app.gui.command_palette import CommandPalette
from bci_app.gui.connect.page import ConnectPage
from bci_app.gui.desk import Desk
from bci_app.gui.help_dialog import key_rows
from bci_app.gui.main_window import MainWindow
from bci_app.gui.panel import Panel
from bci_app.gui.panels import PanelEntry, Place
from bci_app.gui.theme import Theme
from bci_app.gui.views import targets
from bci_app.gui.views.target_view import TargetView
from bci_app.gui.widgets import PanelTitle, label
from bci_app.presentation.answers import Answers
from bci_app.presentation.choices import SourceChoice
from bci_app.presentation.state import LiveStatus, Session, Step
from bci_app.sources.kind import Kind, Listing
from bci_app.sources.registry import KINDS
from tests.gui.conftest import OpenWindow
from tests.gui.sessions import WAIT, begin, run_to
from tests.gui.sources import HeldSource, stream
from tests.test_toy_members import ToySource


class LossPanel(Panel):
    """The toy: how many samples were lost, and how many predictions were made."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.title = PanelTitle("Loss")
        self.text = label()
        self.predictions = 0
        QVBoxLayout(self).addWidget(self.text)
        self.show_theme(theme)

    def attach(self, desk: Desk) -> None:
        desk.controller.predictions_added.connect(self._count)

    def _count(self, predictions: tuple[object, ...]) -> None:
        self.predictions += len(predictions)

    def show_session(self, session: Session | None) -> None:
        self.name = session.info.name if session is not None else "nothing"

    def show_status(self, live: LiveStatus) -> None:
        self.text.setText(f"{self.name}: {live.status.lost} lost, {live.status.received} received")

    def show_theme(self, theme: Theme) -> None:
        self.theme = theme.name


class WordView(TargetView):
    """The toy: the most probable class as a word."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self.targets = (target,)
        self.word = ""
        self.setMinimumHeight(20)

    def show_answers(self, answers: Answers) -> None:
        found = answers.latest_of(self.targets[0])
        self.word = answers.reason if found is None else max(zip(found.smoothed or (), found.classes, strict=True))[1]


@pytest.fixture
def toy_source(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Kind("toy:", lambda _what, _stated: ToySource(), lambda: [Listing("toy", "toy:", "noise")])
    monkeypatch.setitem(KINDS, "toy", toy)


def word_views(bundle: Bundle, _theme: Theme) -> list[TargetView]:
    return [WordView(bundle.targets[0].name)]


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch, open_window: OpenWindow) -> MainWindow:
    monkeypatch.setitem(panels.PANELS, "Loss", PanelEntry(LossPanel, Place.LEFT, 0.2))
    monkeypatch.setitem(targets.TARGET_VIEWS, "word", word_views)
    toy = Action("Toys", "Wave", lambda w: w.setWindowTitle("waved"), ("Ctrl+Shift+W",), needs=Needs.SESSION)
    monkeypatch.setitem(actions.ACTIONS, "wave", toy)
    return open_window()


def test_a_panel_is_one_module_and_one_line(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    panel = window.area.panels["Loss"]
    assert isinstance(panel, LossPanel)
    assert panel.isVisible()
    assert window.area.docks["Loss"].titleBarWidget() is panel.title
    source = HeldSource(stream(14))
    begin(qtbot, window, source, bundle)
    source.allow()
    run_to(qtbot, window, Step.RUN)
    qtbot.waitUntil(lambda: panel.text.text() == "Test stream: 0 lost, 3500 received", timeout=WAIT)
    assert panel.predictions > 0
    window.run_action("theme")
    assert panel.theme == "light"
    window.area.docks["Loss"].hide()
    window.run_action("layout")
    assert panel.isVisible()


def test_a_target_view_is_one_module_and_one_line(qtbot: QtBot, window: MainWindow, bundle: LoadedBundle) -> None:
    source = HeldSource(stream(14))
    begin(qtbot, window, source, bundle)
    source.allow()
    run_to(qtbot, window, Step.RUN)
    running = window.area.prediction.running
    assert running is not None
    (view,) = (view for view in running.views if isinstance(view, WordView))
    qtbot.waitUntil(lambda: view.word in bundle.spec.targets[0].classes, timeout=WAIT)
    assert view.isVisible()


def test_a_source_is_chosen_in_the_window(
    qtbot: QtBot, toy_source: None, page: ConnectPage, models: dict[str, LoadedBundle]
) -> None:
    page.model.choose(str(models["sample"].folder))
    page.source.tabs.button(3).click()
    assert page.source.others.keys == ["synthetic:", "toy:"]
    page.source.others.choose("toy:")
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    assert page.choice == SourceChoice("toy:")
    page.fit.check.setChecked(False)
    main = page.window()
    assert isinstance(main, MainWindow)
    with qtbot.waitSignal(main.controller.session_changed, timeout=WAIT):
        qtbot.mouseClick(page.fit.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: any(p.valid for p in main.controller.log.predictions), timeout=WAIT)


def test_an_action_has_its_key_menu_help_and_palette_from_one_entry(
    qtbot: QtBot, window: MainWindow, bundle: LoadedBundle
) -> None:
    assert key_rows(actions.sections()["Toys"]) == [("Ctrl+Shift+W", "Wave")]
    key = (Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(window, *key)
    assert window.windowTitle() != "waved"  # it needs a session
    begin(qtbot, window, HeldSource(stream(5)), bundle)
    qtbot.keyClick(window, *key)
    assert window.windowTitle() == "waved"
    window.setWindowTitle("")
    menu = window.header.menu.menu()
    assert isinstance(menu, ActionMenu)
    menu.fill()
    (toys,) = (entry.menu() for entry in menu.actions() if entry.text() == "Toys")
    assert toys is not None
    toys.actions()[0].trigger()
    assert window.windowTitle() == "waved"
    window.setWindowTitle("")
    window.run_action("palette")
    (palette,) = window.findChildren(CommandPalette)
    qtbot.keyClicks(palette.field, "toys wav")
    assert palette.list.keys == ["wave"]
    qtbot.keyClick(palette, Qt.Key.Key_Return)
    assert window.windowTitle() == "waved"


def test_the_palette_offers_first_what_can_be_done_now(qtbot: QtBot, window: MainWindow) -> None:
    window.run_action("palette")
    (palette,) = window.findChildren(CommandPalette)
    assert palette.list.current == "connect"
    needing = [name for name in palette.list.keys if actions.ACTIONS[name].needs is not Needs.NOTHING]
    assert palette.list.keys[-len(needing) :] == needing
    palette.activateWindow()
    qtbot.waitUntil(palette.isActiveWindow, timeout=WAIT)
    qtbot.keyClick(palette, Qt.Key.Key_Up)
    assert palette.list.current == needing[-1]
    qtbot.keyClick(palette, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.close()
