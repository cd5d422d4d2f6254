"""Commands on the pages are commands that exist, and the first tutorial can be followed."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from bci_app.cli.app import main, make_app
from offline.cli import app as offline_app

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
LINE = re.compile(r"^(?: {4}|\$ )?(?:\.venv/\w+/bin/)?(bci-(?:app|offline) .*)$", re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """Return the command lines of a page, an optional part included and what a page leaves out filled in."""
    lines = LINE.findall(page.read_text(encoding="utf-8"))
    filled = [re.sub(r"[\[\]]", "", line).replace("…", "--dataset eegmat --out RUN") for line in lines]
    return [shlex.split(line, comments=True) for line in filled]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_of_a_page_can_be_parsed(page: Path) -> None:
    apps: dict[str, typer.Typer] = {"bci-app": make_app(), "bci-offline": offline_app}
    for program, *words in commands(page):
        command = get_command(apps[program])
        context = command.make_context(program, list(words))
        while words and hasattr(command, "commands"):
            if words[0] not in command.commands:
                assert words[0].startswith("-"), f"{program} has no command {words[0]}"
                assert command.invoke_without_command
                break
            command = command.commands[words.pop(0)]
            context = command.make_context(program, list(words), parent=context)


def test_the_first_session_of_the_tutorial_can_be_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its commands in its order; the recording is made in the terminal and the minute passes in no time."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["bci-app", *words])
        with pytest.raises(SystemExit) as left:
            main()
        out, errors = capsys.readouterr()
        assert left.value.code == 0, errors
        return out

    _, show, session = (words[1:] for words in commands(ROOT / "docs" / "tutorials" / "first-session.md"))
    assert (show[0], session[:3]) == ("info", ["run", "--source", "synthetic:"])
    call(*session[:2], "synthetic:?speed=max&seconds=60", *session[3:], "--record", "session.xdf")
    lines = Path("predictions.jsonl").read_text().splitlines()
    assert len(lines) > 40
    assert '"valid": true' in lines[-1]
    shown = call(*(word.replace(show[1], "session.xdf") for word in show))
    assert "XDF" in shown
    assert "60.00 s" in shown
