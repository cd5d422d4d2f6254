"""Errors that a user can act on.

Every error that reaches a user says what was found, what was expected and what to do. The command
line prints one as a single message and exits with code 1; the window shows it as a banner.
"""


class BciError(Exception):
    """A failure that the user can fix.

    Parameters
    ----------
    summary : str
        What went wrong, in one clause.
    found : str, optional
        The value found.
    expected : str, optional
        The value that would have been right.
    fix : str, optional
        What to do about it, as a sentence.
    """

    def __init__(
        self,
        summary: str,
        *,
        found: str | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.found = found
        self.expected = expected
        self.fix = fix

    def __str__(self) -> str:
        details = ", ".join(
            f"{label} {value}"
            for label, value in (("found", self.found), ("expected", self.expected))
            if value is not None
        )
        text = f"{self.summary}: {details}." if details else f"{self.summary}."
        return f"{text} {self.fix}" if self.fix else text


class ChannelError(BciError):
    """Channel names, units or montage do not fit."""


class SourceError(BciError):
    """A stream or device cannot be found, opened or read."""


class StreamLostError(SourceError):
    """A stream that was running has stopped delivering."""


class FileError(BciError):
    """A recording cannot be read or written."""


class StandardOutputError(BciError):
    """Standard output takes nothing any more: its reader has gone, or its disk is full."""


class BundleError(BciError):
    """A model bundle is malformed, altered or does not fit."""


class PreprocessingError(BciError):
    """A preprocessing specification cannot be applied to a stream."""


class DatasetError(BciError):
    """A data set is missing, incomplete or damaged."""


class StudyError(BciError):
    """A study protocol, its folder or its answers cannot be used."""


class ProfileError(BciError):
    """A profile is missing, altered, or made for another bundle."""


class DependencyError(BciError):
    """A library or an optional extra is not installed or does not load."""
