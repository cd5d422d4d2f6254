"""A person's profile in the window: those that fit are offered, the one in use is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QStandardItemModel
from pytestqt.qtbot import QtBot

from bci_app.bundle import LoadedBundle, load_bundle
from bci_app.gui.connect.page import ConnectPage
from bci_app.gui.main_window import MainWindow
from bci_app.presentation.choices import SourceChoice
from tests.bundles import LOAD, VALENCE, write_bundle
from tests.gui.conftest import WAIT
from tests.learn.test_profile import saved

VERDICT = {"balanced_accuracy": 0.81, "trials": 16, "sentence": "Your own model recognises your mental load."}


def test_fitting_profiles_are_offered_and_the_one_in_use_is_named_updated_and_recorded(
    qtbot: QtBot,
    page: ConnectPage,
    models: dict[str, LoadedBundle],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BCI_APP_PROFILES", str(tmp_path / "profiles"))
    sample = models["sample"]
    own = saved(tmp_path / "profiles" / "own", sample, verdict=VERDICT)
    saved(tmp_path / "profiles" / "pair", sample, participant="P02", channels=("Fp1", "Fp2"))
    other = load_bundle(write_bundle(tmp_path / "other", targets=(LOAD, VALENCE)))
    saved(
        tmp_path / "profiles" / "older", replace(other, spec=other.spec.model_copy(update={"name": sample.spec.name}))
    )
    row = page.model.profile
    page.source.choose(SourceChoice("synthetic:?speed=20"))
    qtbot.waitUntil(page.fit.button.isEnabled, timeout=WAIT)
    texts = [row.box.itemText(place) for place in range(row.box.count())]
    assert texts[0] == "none: the general model"
    assert any(text.startswith("P01 mental load · 0.81 on 16 trials · ") for text in texts)
    assert "P02 mental load: made for another montage" in texts
    assert "P01 mental load: made for another bundle" in texts
    entries = row.box.model()
    assert isinstance(entries, QStandardItemModel)
    refused = entries.item(texts.index("P02 mental load: made for another montage"))
    assert refused is not None
    assert not refused.isEnabled()
    place = next(place for place, text in enumerate(texts) if "0.81" in text)
    row.box.setCurrentIndex(place)
    row.box.activated.emit(place)
    assert row.verdict.text() == VERDICT["sentence"]
    row.learning.setChecked(True)

    window = page.window()
    assert isinstance(window, MainWindow)
    page.fit.check.setChecked(False)
    with qtbot.waitSignal(window.controller.session_changed, timeout=WAIT):
        qtbot.mouseClick(page.fit.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: any(p.valid for p in window.controller.log.predictions), timeout=WAIT)
    assert window.status.profile.text() == "profile P01 mental load"
    assert VERDICT["sentence"] in window.status.profile.toolTip()
    qtbot.waitUntil(lambda: sum(p.valid for p in window.controller.log.predictions) > 6, timeout=WAIT)
    window.controller.mark("self-report mental_load=8")
    qtbot.waitUntil(lambda: "1 rating: " in window.status.profile.toolTip(), timeout=WAIT)
    events = window.area.session_panel.list
    texts = [item.text() for row in range(events.count()) if (item := events.item(row)) is not None]
    assert any("rated high: " in text and "% of its windows were right" in text for text in texts)
    window.preferences.recordings = tmp_path / "R"
    window.area.session_panel.participant.setText("P09")
    window.toggle_recording()
    assert "P01’s, not P09’s" in window.banner.summary.text()
    (recorded,) = (tmp_path / "R").glob("*.xdf")
    qtbot.waitUntil(lambda: recorded.stat().st_size > 20_000, timeout=WAIT)
    window.controller.recorder.stop()
    assert own.spec.arrays_sha256.encode() in recorded.read_bytes()
