"""A bundle is read whole, unaltered and of the right version, or refused with one message."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bci_app.bundle import load_bundle
from bci_app.bundle.store import find_bundle, load_golden, save_bundle
from bci_app.errors import BundleError
from tests.bundles import write_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "b")


def edit(folder: Path, **changes: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_is_written_is_read(bundle: Path) -> None:
    loaded = load_bundle(bundle)
    assert loaded.spec.name == "test-linear"
    assert loaded.spec.preprocessing.baseline_windows == 6
    assert sorted(p.name for p in bundle.iterdir()) == ["bundle.json", "golden.npz", "model.onnx"]
    assert list(bundle.parent.iterdir()) == [bundle]  # nothing temporary is left


def test_altered_graph_is_refused(bundle: Path) -> None:
    model = bytearray((bundle / "model.onnx").read_bytes())
    model[-20] ^= 1
    (bundle / "model.onnx").write_bytes(model)
    with pytest.raises(BundleError, match=r"found sha256 [0-9a-f]{16}….*expected sha256.*Copy"):
        load_bundle(bundle)


@pytest.mark.parametrize("file", ["bundle.json", "model.onnx"])
def test_missing_file_is_named(bundle: Path, file: str) -> None:
    (bundle / file).unlink()
    with pytest.raises(BundleError, match=file):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"version": 3}, "version"),
        ({"surprise": 1}, "surprise"),
        ({"targets": []}, "targets"),
        ({"model_sha256": "no"}, "model_sha256"),
        ({"preprocessing": {"rate": -1}}, r"preprocessing"),
    ],
)
def test_fault_in_the_description_is_located(bundle: Path, changes: dict[str, object], place: str) -> None:
    edit(bundle, **changes)
    with pytest.raises(BundleError, match=place):
        load_bundle(bundle)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "\x00"])
def test_malformed_json_is_one_message(bundle: Path, text: str) -> None:
    (bundle / "bundle.json").write_text(text)
    with pytest.raises(BundleError, match="not a bundle description"):
        load_bundle(bundle)


def test_golden_with_a_pickle_is_refused(bundle: Path) -> None:
    np.savez(bundle / "golden.npz", raw=np.array([{}], dtype=object))
    with pytest.raises(BundleError, match="golden"):
        load_golden(bundle)


def test_failed_write_leaves_the_old_bundle(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_bundle(bundle)

    def full_disk(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
    with pytest.raises(BundleError, match="No space left"):
        save_bundle(bundle, loaded.spec, loaded.model, {})
    assert load_bundle(bundle).spec == loaded.spec
    assert list(bundle.parent.iterdir()) == [bundle]


def test_replacing_a_bundle_leaves_only_the_new_one(bundle: Path) -> None:
    write_bundle(bundle, title="Newer")
    assert load_bundle(bundle).spec.title == "Newer"
    assert list(bundle.parent.iterdir()) == [bundle]


def test_unknown_bundle_lists_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match="expected a bundle folder, or one that ships"):
        find_bundle("no-such")


@pytest.mark.parametrize("beside", [(), ("bundle.json",), ("bundle.json", "model.onnx", "golden.npz")])
def test_a_folder_that_holds_anything_but_a_bundle_is_not_replaced(
    bundle: Path, tmp_path: Path, beside: tuple[str, ...]
) -> None:
    loaded, mine = load_bundle(bundle), tmp_path / "mine"
    mine.mkdir()
    for name in ("thesis.txt", *beside):
        (mine / name).write_text("x")
    with pytest.raises(BundleError, match=r"found thesis\.txt in it.*Choose another folder"):
        save_bundle(mine, loaded.spec, loaded.model, {})
    assert {path.name for path in mine.iterdir()} == {"thesis.txt", *beside}
    assert (mine / "thesis.txt").read_text() == "x"


def test_a_bundle_goes_into_an_empty_folder_and_over_no_file(bundle: Path, tmp_path: Path) -> None:
    loaded = load_bundle(bundle)
    (tmp_path / "empty").mkdir()
    save_bundle(tmp_path / "empty", loaded.spec, loaded.model, {})
    assert load_bundle(tmp_path / "empty").spec == loaded.spec
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match="found a file"):
        save_bundle(tmp_path / "file", loaded.spec, loaded.model, {})
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.onnx").write_text("somebody's")
    with pytest.raises(BundleError, match=r"found model\.onnx in it"):
        save_bundle(tmp_path / "models", loaded.spec, loaded.model, {})
