"""The examples of the pages on preprocessing, the bundle and "Adding a …" run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bci_app.preprocessing.steps import STEPS
from bci_app.preprocessing.tokens import TOKENS
from bci_app.recording import FORMATS


def run_examples(page: Path) -> int:
    """Run the Python blocks of a page one after the other, and return how many there are."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page.name}, block {number + 1}", "exec", dont_inherit=True), names)
    return len(blocks)


@pytest.mark.parametrize(("page", "blocks"), [("preprocessing", 1), ("bundle", 3)])
def test_the_examples_of_a_page_run(
    page: str, blocks: int, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project_root)
    assert run_examples(project_root / "docs" / f"{page}.md") == blocks


@pytest.mark.parametrize("page", ["step", "token", "format"])
def test_a_new_member_is_one_module_and_one_entry(
    page: str, project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registries: list[dict[str, object]] = [STEPS, TOKENS, FORMATS]  # type: ignore[list-item]
    known = [dict(registry) for registry in registries]
    try:
        assert run_examples(project_root / "docs" / "adding" / f"{page}.md") == 2
        assert sum(len(registry) - len(before) for registry, before in zip(registries, known, strict=True)) == 1
    finally:
        for registry, before in zip(registries, known, strict=True):
            registry.clear()
            registry.update(before)
