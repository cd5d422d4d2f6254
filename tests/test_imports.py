"""Who may import whom: the rules hold, and each rule is seen to fail when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bundles import write_bundle

# Refuses modules that must never be loaded, whatever asks for them.
_GUARD = """
import sys
class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {banned!r}:
            raise AssertionError('loaded ' + name)
sys.meta_path.insert(0, Guard())
"""
TORCH = ("torch", "offline")
QT = ("PyQt6", "pyqtgraph", "qtawesome", "superqt", "qtpy")


def python(code: str, *, banned: tuple[str, ...], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _GUARD.format(banned=banned) + code],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_no_live_module_but_the_window_loads_torch_or_qt(project_root: Path) -> None:
    code = """
import importlib, pkgutil, bci_app
for module in pkgutil.walk_packages(bci_app.__path__, 'bci_app.'):
    if not module.name.startswith('bci_app.gui') and not module.name.endswith('__main__'):
        importlib.import_module(module.name)
        print(module.name)
"""
    result = python(code, banned=TORCH + QT, cwd=project_root)
    assert result.returncode == 0, result.stderr
    assert "bci_app.engine.engine" in result.stdout


def test_the_window_loads_no_torch_and_makes_a_model_ready_without_the_seconds_of_scipy(project_root: Path) -> None:
    code = """
import importlib, pkgutil, bci_app.gui
for module in pkgutil.walk_packages(bci_app.gui.__path__, 'bci_app.gui.'):
    importlib.import_module(module.name)
from bci_app.bundle import find_bundle, load_bundle
from bci_app.bundle.decoder import stream_pipeline
spec = load_bundle(find_bundle('mental-load')).spec
names = spec.preprocessing.channels
stream_pipeline(spec, channels=names, rate=250.0, units=['uV'] * len(names))
"""
    result = python(code, banned=(*TORCH, "scipy", "mne"), cwd=project_root)
    assert result.returncode == 0, result.stderr


def test_the_window_opens_without_what_only_a_session_needs(project_root: Path) -> None:
    heavy = ("mne", "scipy", "brainflow", "pyxdf", "sklearn")
    result = python("import bci_app.gui.app", banned=TORCH + heavy, cwd=project_root)
    assert result.returncode == 0, result.stderr


def test_running_a_session_loads_neither_torch_nor_qt(project_root: Path, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "b")
    arguments = ["run", "--source", "synthetic:?speed=max&seconds=12", "--bundle", str(bundle), "--jsonl", "-"]
    code = f"from bci_app.cli.app import main; sys.argv = ['bci-app', *{arguments!r}]; main()"
    result = python(code, banned=TORCH + QT, cwd=project_root)
    assert result.returncode == 0, result.stderr
    assert '"valid": true' in result.stdout


def test_help_is_quick_because_it_loads_nothing_heavy(project_root: Path) -> None:
    code = "from bci_app.cli.app import make_app; make_app()(['--help'], standalone_mode=False)"
    heavy = ("mne", "scipy", "onnxruntime", "pylsl", "brainflow", "pyxdf")
    result = python(code, banned=TORCH + QT + heavy, cwd=project_root)
    assert result.returncode == 0, result.stderr
    assert "replay" in result.stdout


@pytest.fixture
def checkout(project_root: Path, tmp_path: Path) -> Path:
    """A copy of the sources that may be spoilt."""
    for package in ("bci_app", "offline"):
        shutil.copytree(
            project_root / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.edf", "*.npz", "exported_models"),
        )
    shutil.copy(project_root / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([script, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=250, check=False)


def test_import_rules_hold(checkout: Path) -> None:
    result = lint(checkout)
    assert result.returncode == 0, result.stdout


_DOWN, _DOWN_OFFLINE = "The live app imports downwards", "The offline side imports downwards"
_NO_TORCH = "The live app needs neither torch nor the offline side"
_SHARED, _QT = "The offline side uses only what it shares with the live app", "Qt is in the window only"


@pytest.mark.parametrize(
    "breaches",
    [
        # Each breach is of another contract.
        [
            ("bci_app/bundle/spec.py", "import bci_app.engine.engine", _DOWN),
            ("offline/datasets/base.py", "import offline.training", _DOWN_OFFLINE),
            ("bci_app/montage/names.py", "import torch", _NO_TORCH),
            ("offline/protocols/base.py", "import bci_app.replay", _SHARED),
            ("bci_app/engine/contact.py", "import pyqtgraph", _QT),
        ],
        [
            ("bci_app/novel.py", "", _DOWN),
            ("bci_app/engine/buffer.py", "import offline.protocols", _NO_TORCH),
        ],
    ],
    ids=["imports", "a module without a place"],
)
def test_each_import_rule_notices_a_breach(checkout: Path, breaches: list[tuple[str, str, str]]) -> None:
    for module, line, _ in breaches:
        path = checkout / module
        path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")
    result = lint(checkout)
    assert result.returncode != 0
    for _, _, contract in breaches:
        assert f"{contract} BROKEN" in result.stdout
