"""The protocol file of a study: what is shown, for how long, in which order, and what is asked.

TOML, versioned and strict: an unknown key, a value out of range or a medium outside the file's folder is refused
before the session.
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bci_app.errors import StudyError

SHIPPED = ("guided-recall", "load")
"""Names of the protocols that are part of the app."""

_LARGEST_FILE = 2**20
_MOST_TRIALS = 2000
_LONGEST_SECONDS = 12 * 3600.0

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,40}$")]
Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Line = Annotated[str, Field(min_length=1, max_length=4000)]
Text = Line | dict[str, Line]
"""A text, or the same text by language code: ``{en = "Rest", de = "Ruhe"}``."""


def in_language(text: Text | None, language: str) -> str:
    """Return a text in a language; the first language that it has where that one is missing; nothing for None."""
    if text is None:
        return ""
    if isinstance(text, str):
        return text
    return text.get(language) or next(iter(text.values()))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scale(_Frozen):
    """A question after a trial.

    Attributes
    ----------
    name : str
        Name of the rating in markers and tables, such as ``valence``.
    kind : {"sam", "numbers", "words"}
        Self-Assessment Manikins (Bradley & Lang 1994) for valence, arousal or dominance; whole numbers; words.
    low, high : int
        Ends of a scale of numbers, and of the manikins.
    words : tuple of str
        Answers of a scale of words.
    question, low_label, high_label : text
        What the participant reads.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    kind: Literal["sam", "numbers", "words"] = "sam"
    low: int = 1
    high: int = 9
    words: tuple[Line, ...] = ()
    question: Text | None = None
    low_label: Text | None = None
    high_label: Text | None = None

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if self.kind == "words" and not 2 <= len(set(self.words)) == len(self.words) <= 9:
            raise ValueError(f"scale {self.name} needs 2 to 9 different words")
        if self.kind != "words" and not 1 <= self.high - self.low <= 99:
            raise ValueError(f"scale {self.name} needs 2 to 100 steps from low to high")
        if self.kind == "sam" and (self.low, self.high) != (1, 9):
            raise ValueError(f"scale {self.name}: manikins have nine steps, from 1 to 9")
        return self

    @property
    def answers(self) -> tuple[str, ...]:
        """All answers, as they stand in markers."""
        return self.words if self.kind == "words" else tuple(str(n) for n in range(self.low, self.high + 1))


def _inside(path: str) -> str:
    parts = PurePosixPath(path.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in path or not parts.parts:
        raise ValueError(f"{path!r} is not inside the folder of the protocol file")
    return path


MediaFile = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_inside)]


class TextStimulus(_Frozen):
    """Words on the screen."""

    kind: Literal["text"]
    text: Text


class MediaStimulus(_Frozen):
    """A picture, a sound or a film from a file beside the protocol file."""

    kind: Literal["image", "sound", "video"]
    file: MediaFile
    text: Text | None = None


class ExternalStimulus(_Frozen):
    """A trial that another program presents: its LSL markers open and close it.

    Attributes
    ----------
    onset, offset : str
        Texts of the markers that say that the trial has begun and ended.
    """

    kind: Literal["external"]
    onset: Line
    offset: Line


Stimulus = Annotated[TextStimulus | MediaStimulus | ExternalStimulus, Field(discriminator="kind")]


class TrialSpec(_Frozen):
    """One kind of trial.

    Attributes
    ----------
    name : str
        The condition: ``happy``.
    stimulus : Stimulus
        What is presented.
    seconds : float or None
        How long; None for as long as a sound, a film or the other program takes.
    intended : mapping of str to str or float
        What the trial is meant to be: a class (``high``) or a rating (7) of each target.
    fixation, pause : float or None
        Seconds before and after; the block's where None.
    """

    name: Name
    stimulus: Stimulus
    seconds: Positive | None = None
    intended: dict[str, str | float] = {}
    fixation: Seconds | None = None
    pause: Seconds | None = None

    @model_validator(mode="after")
    def _timed(self) -> Self:
        if self.seconds is None and self.stimulus.kind in ("text", "image"):
            raise ValueError(f"trial {self.name}: a {self.stimulus.kind} needs seconds")
        return self


class InstructionBlock(_Frozen):
    """A text that waits until it is read."""

    kind: Literal["instruction"]
    text: Text


class RestBlock(_Frozen):
    """Rest: the baseline that a model refers to."""

    kind: Literal["rest"]
    seconds: Positive
    text: Text = "+"


class TrialsBlock(_Frozen):
    """Trials in an order.

    Attributes
    ----------
    order : {"balanced", "random", "given"}
        Each repetition shuffled alone, with no condition twice in a row where that can be had; all repetitions
        shuffled together; as they stand.
    repetitions : int
        How often each trial is shown.
    fixation, pause : float
        Seconds of a cross before, and of an empty screen after, each trial.
    ratings : tuple of str
        Scales asked after each trial.
    """

    kind: Literal["trials"]
    order: Literal["balanced", "random", "given"] = "balanced"
    repetitions: Annotated[int, Field(ge=1, le=200)] = 1
    fixation: Seconds = 2.0
    pause: Seconds = 3.0
    ratings: tuple[str, ...] = ()
    trials: Annotated[tuple[TrialSpec, ...], Field(min_length=1, max_length=200)]


Block = Annotated[InstructionBlock | RestBlock | TrialsBlock, Field(discriminator="kind")]


class Protocol(_Frozen):
    """The contents of a protocol file.

    Attributes
    ----------
    name : str
        Short name.
    title : text
        What the operator reads.
    task : str
        BIDS label of the task in file names.
    language : str
        Language of the texts where none is chosen.
    seed : int
        Seed of the order; each participant and session has its own order from it.
    scales : tuple of Scale
        Questions that blocks can ask.
    blocks : tuple of Block
        In their order.
    """

    format: Literal["bci-app-study"]
    version: Literal[1]
    name: Name
    title: Text
    task: Label
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    scales: tuple[Scale, ...] = ()
    blocks: Annotated[tuple[Block, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [scale.name for scale in self.scales]
        if len(set(names)) != len(names):
            raise ValueError("a scale is named twice")
        trials = [trial for block in self.trial_blocks for trial in block.trials]
        if not trials:
            raise ValueError("there is no trial")
        for block in self.trial_blocks:
            conditions = [trial.name for trial in block.trials]
            if len(set(conditions)) != len(conditions):
                raise ValueError("a block names a trial twice")
            if missing := set(block.ratings) - set(names):
                raise ValueError(f"no scale is called {', '.join(sorted(missing))}")
        if sum(len(block.trials) * block.repetitions for block in self.trial_blocks) > _MOST_TRIALS:
            raise ValueError(f"more than {_MOST_TRIALS} trials")
        if self.seconds > _LONGEST_SECONDS:
            raise ValueError(f"longer than {_LONGEST_SECONDS / 3600:.0f} hours")
        return self

    @cached_property
    def trial_blocks(self) -> tuple[TrialsBlock, ...]:
        """The blocks of trials."""
        return tuple(block for block in self.blocks if isinstance(block, TrialsBlock))

    @property
    def seconds(self) -> float:
        """Length without instructions and answers; trials without a length count as 0."""
        total = sum(block.seconds for block in self.blocks if isinstance(block, RestBlock))
        for block in self.trial_blocks:
            each = (
                (trial.seconds or 0.0) + _or(trial.fixation, block.fixation) + _or(trial.pause, block.pause)
                for trial in block.trials
            )
            total += block.repetitions * sum(each)
        return total

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that a text of it is in, its own first."""
        texts: list[Text | None] = [self.title]
        for scale in self.scales:
            texts += [scale.question, scale.low_label, scale.high_label]
        for block in self.blocks:
            stimuli = [trial.stimulus for trial in block.trials] if isinstance(block, TrialsBlock) else [block]
            texts += [getattr(one, "text", None) for one in stimuli]
        codes = [code for text in texts if isinstance(text, dict) for code in text]
        return tuple(dict.fromkeys([self.language, *codes]))

    def scale(self, name: str) -> Scale:
        """Return the scale of a name."""
        return next(scale for scale in self.scales if scale.name == name)


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


class LoadedProtocol(BaseModel):
    """A protocol, and the folder that its media lie in."""

    model_config = ConfigDict(frozen=True)

    protocol: Protocol
    folder: Path

    @property
    def media(self) -> dict[str, str]:
        """Kinds of the media files, by their names."""
        stimuli = [trial.stimulus for block in self.protocol.trial_blocks for trial in block.trials]
        return {one.file: one.kind for one in sorted(stimuli, key=_file) if isinstance(one, MediaStimulus)}

    def missing_media(self) -> list[str]:
        """List the media files that are not there, or that a link leads out of the folder."""
        return [name for name in self.media if not _is_file_in(self.folder.resolve(), self.folder / name)]


def _is_file_in(folder: Path, path: Path) -> bool:
    try:
        found = path.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):  # not there, no name of a file, or a link to itself
        return False
    return found.is_file() and found.is_relative_to(folder)


def _file(stimulus: Stimulus) -> str:
    return stimulus.file if isinstance(stimulus, MediaStimulus) else ""


def load_protocol(name: str | Path) -> LoadedProtocol:
    """Read a protocol file.

    Parameters
    ----------
    name : str or Path
        A file, or the name of a protocol that ships.

    Raises
    ------
    StudyError
        If there is none, it is malformed, or a medium is missing.
    """
    text, folder = _read(name)
    try:
        protocol = Protocol.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(
            f"{name} is not a TOML file", found=str(error), fix="Correct the line, or start from a protocol that ships."
        ) from error
    except (ValidationError, RecursionError) as error:
        raise StudyError(
            f"{name} is not a study protocol of version 1",
            found=_first_fault(error),
            expected="the keys that docs/study.md lists",
            fix="Correct the file; bci-app study --help names the protocols that ship.",
        ) from error
    loaded = LoadedProtocol(protocol=protocol, folder=folder)
    if missing := loaded.missing_media():
        raise StudyError(
            f"{name} names media that are not there",
            found=", ".join(missing[:5]) + (" …" if len(missing) > 5 else ""),
            expected=f"files in the folder {folder.resolve()}, and no links that lead out of it",
            fix="Put the files themselves beside the protocol file.",
        )
    return loaded


def _first_fault(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "tables nested too deeply"
    first, count = error.errors()[0], error.error_count()
    place = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    fault = f"{place}: {reason}" if place else reason
    return fault if count == 1 else f"{count} faults, first {fault}"


def _read(name: str | Path) -> tuple[str, Path]:
    if str(name) in SHIPPED:
        return files("bci_app.study").joinpath("protocols", f"{name}.toml").read_text(encoding="utf-8"), Path()
    path = Path(name)
    try:
        if not path.is_file():
            raise StudyError(
                f"There is no protocol {name}",
                found="a folder" if path.is_dir() else "nothing",
                expected=f"a TOML file, or one of {', '.join(SHIPPED)}",
                fix="Check the spelling, and the folder that the command runs in.",
            )
        if path.stat().st_size > _LARGEST_FILE:
            raise StudyError(f"{name} is too large for a protocol", expected=f"at most {_LARGEST_FILE} bytes")
        return path.read_text(encoding="utf-8"), path.parent
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"Cannot read {name}", found=_reason(error), expected="a text file in UTF-8") from error


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return str(error) if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
