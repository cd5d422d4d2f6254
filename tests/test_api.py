"""The public interface: light to import, complete, and as its page shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import bci_app
from bci_app.montage.headsets import HEADSETS
from bci_app.preprocessing.spec import RestBaseline
from tests.bundles import small_spec, write_bundle


def test_every_public_name_can_be_had_and_no_other() -> None:
    for name in bci_app.__all__:
        assert getattr(bci_app, name) is not None
    assert set(bci_app.__all__) <= set(dir(bci_app))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        bci_app.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_types_and_names_agree(project_root: Path) -> None:
    stub = (project_root / "bci_app" / "__init__.pyi").read_text()
    assert {"__version__", *re.findall(r"import (\w+) as \1", stub)} == set(bci_app.__all__)


def test_importing_the_package_loads_no_library() -> None:
    code = "import sys, bci_app; print([m for m in ('numpy', 'pylsl', 'mne', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=250)
    assert done.stdout.strip() == "[]"


@pytest.mark.lsl
def test_examples_of_the_page_run(project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = small_spec(channels=HEADSETS["10-20"].channels, baseline=RestBaseline(kind="feature", samples=4 * 128))
    write_bundle(tmp_path / "mental-load", spec=spec)
    blocks = re.findall(r"```python\n(.*?)```", (project_root / "docs" / "api.md").read_text(), flags=re.DOTALL)
    assert len(blocks) >= 6
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/api.md, block {number + 1}", "exec"), names)
