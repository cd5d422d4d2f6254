"""The first step of a session: source, model, and whether they fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QSettings, Qt, pyqtSignal
from PyQt6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QWidget

from bci_app.bundle import shipped_models
from bci_app.errors import BciError
from bci_app.gui.connect.fit_panel import FitPanel
from bci_app.gui.connect.model_panel import ModelPanel
from bci_app.gui.connect.source_panel import SourcePanel, read_number
from bci_app.gui.discovery import Discovery
from bci_app.gui.keyboard import is_enter, press_focused
from bci_app.gui.preferences import read_texts
from bci_app.gui.theme import GRID, Theme
from bci_app.montage.names import is_electrode
from bci_app.presentation.choices import ALL_MARKERS, ModelChoice, SourceChoice, fit
from bci_app.presentation.opening import StreamChoice
from bci_app.presentation.profiles import list_profiles
from bci_app.sources.channels import for_prediction
from bci_app.stream import StreamInfo

_SAMPLES = Path(__file__).resolve().parents[2] / "sample"


class ConnectPage(QWidget):
    """Shows what the discovery has found.

    `connect_asked` carries the source, the model's folder or None, and a ProfileUse or None.
    """

    connect_asked = pyqtSignal(object, object, object)
    study_asked = pyqtSignal()
    back_asked = pyqtSignal()

    def __init__(self, theme: Theme, settings: QSettings, discovery: Discovery, folder: Callable[[], Path]) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._settings = settings
        self._discovery = discovery
        self._info: StreamInfo | None = None
        self._named_profiles: tuple[Path, ...] = ()
        self._described_choice: SourceChoice | None = None
        shipped = [str(path) for path in sorted(_SAMPLES.glob("*.edf"))]
        self.source = SourcePanel(theme, read_texts(settings, "recent", shipped) or shipped, folder)
        self.model = ModelPanel(theme)
        self.fit = FitPanel(theme)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for index, part in enumerate((self.source, self.model, self.fit)):
            if index:
                line = QFrame()
                line.setObjectName("hairline")
                line.setFixedWidth(1)
                row.addWidget(line)
            part.setMinimumWidth(38 * GRID)
            row.addWidget(part, 1)
        self._wanted_source = self._remembered_source()
        self.fit.check.setChecked(settings.value("check contact", True, type=bool))
        self.fit.check.toggled.connect(lambda on: settings.setValue("check contact", on))
        self._wanted_model = str(settings.value("model", shipped_models() / "mental-load"))
        self._filled = False
        discovery.streams_changed.connect(self.source.show_streams)
        discovery.streams_failed.connect(lambda error: self.source.show_no_lsl(str(error)))
        discovery.boards_found.connect(self._show_boards)
        discovery.boards_failed.connect(lambda error: self.source.boards.note.setText(str(error)))
        discovery.described.connect(self._described)
        discovery.undescribed.connect(self._undescribed)
        discovery.models_found.connect(self._show_models)
        discovery.models_failed.connect(self.fit.show_problem)
        self.source.changed.connect(self._source_changed)
        self.source.recordings_changed.connect(lambda paths: settings.setValue("recent", paths))
        self.model.changed.connect(self._model_changed)
        self.model.folder_added.connect(self._remember_folder)
        self.fit.connect_asked.connect(self._ask)
        self.fit.watch_asked.connect(self._ask_to_watch)
        self.fit.study_asked.connect(self.study_asked)
        self.fit.back_asked.connect(self.back_asked)
        self.fit.channels_changed.connect(self._show_fit)
        self.source.markers.choose(self._remembered_markers())
        self.source.markers.changed.connect(lambda choice: settings.setValue("marker streams", list(choice)))

    def _remembered_markers(self) -> list[str]:
        return read_texts(self._settings, "marker streams", [ALL_MARKERS])

    def _remembered_source(self) -> SourceChoice:
        text = str(self._settings.value("source", "lsl:"))
        channels = tuple(read_texts(self._settings, "stated channels"))
        rate, unit = (str(self._settings.value(f"stated {what}", "")) for what in ("rate", "unit"))
        return SourceChoice(text, channels or None, read_number(rate), unit or None)

    def _remember_source(self, choice: SourceChoice) -> None:
        stated = {"channels": list(choice.channels or ()), "rate": choice.rate or "", "unit": choice.unit or ""}
        self._settings.setValue("source", choice.text)
        for what, value in stated.items():
            self._settings.setValue(f"stated {what}", value)

    def prefer(
        self,
        *,
        source: SourceChoice | None = None,
        model: Path | None = None,
        markers: Sequence[str] = (),
        beside: Sequence[str] = (),
        profile: Path | None = None,
    ) -> None:
        """Choose these instead of what was chosen last; `markers` and `beside` are received in any case."""
        if profile is not None:
            self._named_profiles = (profile,)
            self.model.profile.want(profile)
        if beside:
            self.source.recorded_too.want(beside)
        if markers:
            self.source.markers.choose(self._remembered_markers(), named=markers)
        self._wanted_source = source or self._wanted_source
        self._wanted_model = str(model) if model is not None else self._wanted_model
        if self._filled:
            self.source.choose(self._wanted_source)
            self.model.choose(self._wanted_model)

    def show_session(self, is_open: bool) -> None:
        """Offer the way back to a session, if there is one."""
        self.fit.back.setVisible(is_open)

    def show_theme(self, theme: Theme) -> None:
        """Change colours."""
        for part in (self.source, self.model, self.fit):
            part.show_theme(theme)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Look for streams while the page is seen."""
        super().showEvent(event)
        self._discovery.watch_streams(True)
        if not self._filled:
            self._filled = True
            self._discovery.find([Path(folder) for folder in read_texts(self._settings, "models")])
            self.source.show_recordings()
            self.source.choose(self._wanted_source)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Press the button that has the focus, or else connect, with Enter; go back with Escape."""
        if event is None or press_focused(event):
            return
        if is_enter(event):
            self.fit.button.click()
        elif event.key() == Qt.Key.Key_Escape:
            self.back_asked.emit()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802
        """Stop looking."""
        super().hideEvent(event)
        self._discovery.watch_streams(False)

    # Filling -----------------------------------------------------------------------------------

    def _show_boards(self, boards: list[tuple[str, tuple[str, ...]]]) -> None:
        self.source.boards.show_boards(boards)
        if self._wanted_source.kind == "brainflow":
            self.source.choose(self._wanted_source)

    def _show_models(self, models: list[ModelChoice]) -> None:
        self.model.show_models(models)
        self.model.choose(self._wanted_model)

    def _remember_folder(self, folder: str) -> None:
        folders = read_texts(self._settings, "models")
        self._settings.setValue("models", [folder, *(known for known in folders if known != folder)][:12])

    # Whether they fit --------------------------------------------------------------------------

    @property
    def choice(self) -> SourceChoice | None:
        """The source that is chosen, for the model that is chosen."""
        choice, model = self.source.choice, self.model.choice
        return choice.for_model(model.bundle) if choice is not None and model is not None else choice

    @property
    def streams(self) -> StreamChoice:
        """What belongs to the session beside its source."""
        return StreamChoice(self.source.markers.choice, self.source.beside, self.fit.dropped)

    @property
    def can_study(self) -> bool:
        """Whether a study can be made of the source: it is there, and no recording."""
        return self.fit.study.isEnabled()

    def _model_changed(self, _model: ModelChoice | None) -> None:
        if self.choice != self._described_choice:
            self._source_changed(self.source.choice)  # a test signal has the electrodes of the model
        else:
            self._show_fit()
        self._show_profiles()

    def _source_changed(self, choice: SourceChoice | None) -> None:
        self._info = None
        self._described_choice = self.choice
        self.fit.watch.setEnabled(False)
        self.fit.study.setEnabled(False)
        self.fit.channels.hide()
        if choice is None:
            self._discovery.describe(None)
            self.source.show_stated(False)
            self._show_fit()
            return
        self.fit.show_waiting("Looking at the source …")
        self._show_profiles()
        self._discovery.describe(self.choice)

    def _described(self, info: StreamInfo) -> None:
        self._info = info
        self.fit.show_channels(info)
        choice = self.source.choice
        self.fit.watch.setEnabled(True)
        self.fit.study.setEnabled(choice is not None and choice.kind != "file")
        unnamed = not any(map(is_electrode, info.channels))
        kind = choice.kind if choice is not None else ""
        self.source.show_stated(kind == "brainflow" or (kind == "file" and unnamed))
        self._show_fit()

    def _undescribed(self, error: BciError) -> None:
        choice = self.source.choice
        self.source.show_stated(choice is not None and choice.kind == "lsl")
        self.fit.show_problem(error)

    def _show_fit(self) -> None:
        model = self.model.choice
        if self._info is None:
            if self.source.choice is None:
                chosen = model is not None and model.bundle is not None
                self.fit.show_waiting("Choose a source." if chosen else "Choose a source and a model.")
            return
        if model is None or model.bundle is None:
            self.fit.show_waiting("Choose a model that can be used.")
            return
        self.fit.show_fit(self._info, model.bundle, fit(self._seen(self._info), model.bundle))
        self._show_profiles()

    def _seen(self, info: StreamInfo) -> StreamInfo:
        """Return what predictions may use of a stream."""
        return for_prediction(info, drop=self.fit.dropped)

    def _show_profiles(self) -> None:
        """List the profiles of the model, and which of them fit the source."""
        model = self.model.choice
        bundle = model.bundle if model is not None else None
        info = self._seen(self._info) if self._info is not None else None
        self.model.profile.show_profiles(list_profiles(bundle, info, self._named_profiles) if bundle else [])

    def _ask(self) -> None:
        choice, model = self.source.choice, self.model.choice
        if choice is None or model is None:
            return
        self._remember_source(choice)
        self._settings.setValue("model", str(model.folder))
        self.connect_asked.emit(self.choice, model.folder, self.model.profile.use)

    def _ask_to_watch(self) -> None:
        choice = self.source.choice
        if choice is not None:
            self._remember_source(choice)
            self.connect_asked.emit(choice, None, None)
