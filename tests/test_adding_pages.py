"""The examples of the pages "Adding a …" run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bci_app.preprocessing.steps import STEPS
from bci_app.preprocessing.tokens import TOKENS
from bci_app.recording import FORMATS


@pytest.mark.parametrize("page", ["step", "token", "format"])
def test_the_example_runs(page: str, project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (project_root / "docs" / "adding" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, object] = {"__name__": "example"}
    registries: list[dict[str, object]] = [STEPS, TOKENS, FORMATS]  # type: ignore[list-item]
    known = [dict(registry) for registry in registries]
    try:
        for number, block in enumerate(blocks):
            code = compile(block, f"docs/adding/{page}.md, block {number + 1}", "exec", dont_inherit=True)
            exec(code, names)
        assert sum(len(registry) - len(before) for registry, before in zip(registries, known, strict=True)) == 1
    finally:
        for registry, before in zip(registries, known, strict=True):
            registry.clear()
            registry.update(before)
