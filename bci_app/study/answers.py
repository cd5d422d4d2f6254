"""Who answers the questions of a study that has no window: a file, or a person at the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from bci_app.errors import StudyError
from bci_app.study.protocol import Scale, in_language
from bci_app.study.schedule import PlannedTrial
from bci_app.text import printable


class Respondent(Protocol):
    """Answers questions at once; a person at a screen does not go through this."""

    def answer(self, trial: PlannedTrial, scale: Scale) -> str | None:
        """Return one of the scale's answers, or None to leave the trial unrated."""
        ...


class FileAnswers:
    """Answers from a JSON file: ratings by number of the trial, or by condition.

    ``{"joy": {"valence": 8}, "3": {"valence": 6}}``; the number goes before the condition.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    StudyError
        If it cannot be read or is not of this form.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise StudyError(
                f"Cannot read the answers in {path}",
                found=(getattr(error, "strerror", None) or str(error)).splitlines()[0],
                expected='a JSON file such as {"joy": {"valence": 8}}',
            ) from error
        if not isinstance(content, dict) or not all(isinstance(value, dict) for value in content.values()):
            raise StudyError(
                f"{path} holds no answers", found=type(content).__name__, expected='{"joy": {"valence": 8}, …}'
            )
        self._answers: Mapping[str, Mapping[str, object]] = content

    def answer(self, trial: PlannedTrial, scale: Scale) -> str | None:
        """Return the answer that the file holds; None where it holds none.

        Raises
        ------
        StudyError
            If the scale has no such answer.
        """
        for key in (str(trial.number), trial.spec.name):
            value = self._answers.get(key, {}).get(scale.name)
            if value is not None:
                if str(value) not in scale.answers:
                    raise StudyError(
                        f"{self._name} answers {scale.name} of trial {key} with what the scale does not have",
                        found=repr(value),
                        expected=f"one of {', '.join(scale.answers)}",
                    )
                return str(value)
        return None


class TypedAnswers:
    """Answers that a person types, a line each.

    Parameters
    ----------
    language : str
        Of the questions.
    ask : callable
        Shows a question and returns the line that was typed; raises EOFError where there is nobody.
    """

    def __init__(self, language: str, ask: Callable[[str], str] = input) -> None:
        self._language = language
        self._ask = ask

    def answer(self, trial: PlannedTrial, scale: Scale) -> str | None:
        """Ask until the answer is one of the scale's; an empty line leaves the trial unrated."""
        question = printable(in_language(scale.question, self._language) or scale.name)
        while True:
            try:
                typed = self._ask(f"{question} ({scale.answers[0]} – {scale.answers[-1]}) ").strip()
            except EOFError:
                return None
            if not typed:
                return None
            if typed in scale.answers:
                return typed
