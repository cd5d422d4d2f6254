"""The folder of a run: whose it is, what is refused in it, and what is left there."""

import json
from pathlib import Path

import pytest

from bci_app.errors import DatasetError, FileError
from offline.run import RunRecord, experiment, read_settings, run
from offline.run.folder import claim
from offline.run.lock import locked
from tests.offline.run.planted import PRESET, SETTINGS, Planted, start

pytestmark = pytest.mark.usefixtures("planted")


def test_a_folder_of_another_run_or_of_other_files_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(FileError, match="is not empty"):
        start(out)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
    (out / "thesis.txt").unlink()
    (out / "run.json").write_text(SETTINGS.model_copy(update={"seed": 5}).model_dump_json(indent=2) + "\n")
    (out / "subjects").mkdir()
    (out / "subjects" / "supernet.safetensors").write_bytes(b"")
    with pytest.raises(FileError, match="belongs to another run"):
        start(out)


def test_a_run_of_a_version_with_other_names_of_settings_goes_on(tmp_path: Path) -> None:
    older = json.loads(SETTINGS.model_dump_json())
    older["preset"]["search"]["score"] = older["preset"]["search"].pop("objective")
    del older["preset"]["search_controls"]
    (tmp_path / "run.json").write_text(json.dumps(older))
    (tmp_path / "supernet.safetensors").write_bytes(b"")
    assert read_settings(tmp_path) == SETTINGS
    claim(tmp_path, SETTINGS)
    with pytest.raises(FileError, match="belongs to another run"):
        claim(tmp_path, SETTINGS.model_copy(update={"seed": 5}))


def test_networks_are_not_reused_for_other_data_of_the_same_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = SETTINGS.model_copy(update={"preset": PRESET.changed(epochs=1, generations=1, finetune=0)})
    start(tmp_path / "run", quick)
    splits = tmp_path / "run" / "subjects" / "splits.json"
    written, result = splits.read_bytes(), (tmp_path / "run" / "result.json").read_bytes()
    for other in (Planted(microvolts=6.0), Planted(n_subjects=7)):
        with monkeypatch.context() as patch:
            patch.setattr(experiment, "open_dataset", lambda *_, data=other, **__: data)
            with pytest.raises(DatasetError, match=r"made for other windows: found .*expected 440 .*another --out"):
                start(tmp_path / "run", quick)
        assert splits.read_bytes() == written
        assert (tmp_path / "run" / "result.json").read_bytes() == result
    assert start(tmp_path / "run", quick).record.protocols == RunRecord.read(tmp_path / "run").protocols
    record = json.loads(written)
    record["splits"] = record["splits"][::-1]
    splits.write_text(json.dumps(record))
    with pytest.raises(DatasetError, match="divides the windows otherwise"):
        start(tmp_path / "run", quick)


def test_folds_that_loso_cannot_have_are_refused(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"protocols": ("loso",), "folds": 2})
    with pytest.raises(DatasetError, match=r"one fold a subject: found 2 folds.*Choose protocol subjects"):
        start(tmp_path / "run", settings)


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    quick = SETTINGS.model_copy(update={"preset": PRESET.changed(epochs=1, generations=1, finetune=0)})
    expected = pytest.raises(FileError, match="Another process works in")
    with locked(tmp_path / "run"), expected, locked(tmp_path / "run"):
        pass
    assert not (tmp_path / "run" / "run.lock").exists()
    (tmp_path / "run" / "run.json").write_text(quick.model_dump_json(indent=2) + "\n")
    (tmp_path / "run" / "run.lock").write_text("4194304 1.0")  # left by a process that was killed
    assert run(quick, tmp_path / "run", until="training") is None
    assert not (tmp_path / "run" / "run.lock").exists()


def test_a_run_that_is_refused_leaves_the_one_at_work_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with locked(folder):
        (folder / "run.json").write_text("of the one at work")
        (folder / "subjects").mkdir()
        (folder / "subjects" / "splits.json").write_text("written before anything is trained")
        with pytest.raises(FileError, match="Another process works in"):
            start(folder, SETTINGS)
        assert (folder / "run.json").read_text() == "of the one at work"
        assert (folder / "subjects" / "splits.json").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be written"):
        start(tmp_path / "file" / "run", SETTINGS)


def test_a_run_that_was_refused_does_not_keep_the_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="missing s99"):
        start(tmp_path / "run", SETTINGS.model_copy(update={"subjects": ("s99",)}))
    assert not (tmp_path / "run").exists()
    with pytest.raises(DatasetError, match="Protocol session needs more sessions"):
        start(tmp_path / "run", SETTINGS.model_copy(update={"protocols": ("session",)}))
    start(tmp_path / "run", SETTINGS.model_copy(update={"preset": PRESET.changed(epochs=1, generations=1, finetune=0)}))
