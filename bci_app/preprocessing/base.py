"""What every step and every token is: frozen settings that design themselves, check themselves and describe themselves.

A step is one module. Its settings (a `Step`) travel in the bundle. `Step.start` returns its state for one stream:
`reset()` and `process(x)`, equal to the last bit for every way of cutting a stream into chunks. A token is one module
in the same way: `Token.start` returns the function from a window of samples to its features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Samples = NDArray[np.float64]
"""Samples (n_samples, n_channels) or a window (n_channels, n_samples), float64, C-contiguous, in µV."""

Features = Callable[[Samples], NDArray[np.float64]]
"""From a window (n_channels, window) to its features (n_channels, n_features)."""

PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Frozen(BaseModel):
    """Settings: immutable, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StepState(ABC):
    """What a step remembers of one stream."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all samples."""

    @abstractmethod
    def process(self, x: Samples) -> Samples:
        """Process the next samples, shape (n_samples, n_channels); the result has the same shape."""

    def restart(self, channels: NDArray[np.bool_]) -> None:  # noqa: B027 - most steps remember nothing of a channel
        """Forget the samples of some channels, a mask of shape (n_channels,)."""

    def set_bad(self, bad: NDArray[np.bool_]) -> None:  # noqa: B027 - most steps treat every channel by itself
        """Do without the channels of a mask, shape (n_channels,), from the next sample on."""


class Step(Frozen, ABC):
    """Settings of a step on the samples at the model's rate.

    Attributes
    ----------
    kind : str
        The step's key in the registry.
    mixes_channels : bool
        True if a channel's output depends on other channels. Bad channels are interpolated before the first such step.
    """

    mixes_channels: ClassVar[bool] = False
    kind: str

    @abstractmethod
    def start(self, channels: Sequence[str], rate: float) -> StepState:
        """Return a fresh state for channels of these names at this rate in Hz."""

    @abstractmethod
    def describe(self) -> str:
        """Return what the step does, as a part of a sentence."""

    def check(self, channels: Sequence[str], rate: float) -> None:
        """Check that the step can run.

        Raises
        ------
        ValueError
            If its settings do not fit the channels or the rate.
        """

    @property
    def highest_frequency(self) -> float | None:
        """Highest frequency in Hz that passes; None if the step does not limit it."""
        return None

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return settings to test the step with, on channels of the 10-20 system."""
        return (cls.model_validate({}),)


class Token(Frozen, ABC):
    """Settings of a token: what the network sees of one channel in one window.

    Attributes
    ----------
    kind : str
        The token's key in the registry.
    """

    kind: str

    @abstractmethod
    def n_features(self, window: int) -> int:
        """Return the length of the token of a window with this many samples."""

    @abstractmethod
    def start(self, n_channels: int, window: int, rate: float) -> Features:
        """Return the function from a window of samples to features."""

    @abstractmethod
    def describe(self) -> str:
        """Return what the token is, as a part of a sentence."""

    def check(self, window: int, rate: float) -> None:
        """Check that the token can be computed.

        Raises
        ------
        ValueError
            If its settings do not fit the window (samples) or the rate (Hz).
        """

    @property
    def highest_frequency(self) -> float | None:
        """Highest frequency in Hz that the token reads; None if it reads all that passes the steps."""
        return None

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return settings to test the token with, on windows of one second."""
        return (cls.model_validate({}),)


_Member = TypeVar("_Member", Step, Token)


def one_of(registry: Mapping[str, type[_Member]], what: str) -> Any:
    """Return the annotation of a field that holds any member of a registry, chosen by its `kind`."""

    def parse(value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        kind = value.get("kind")
        if kind not in registry:
            raise ValueError(f"there is no {what} {kind!r}; known are {', '.join(registry)}")
        return registry[str(kind)].model_validate(value)

    return BeforeValidator(parse)


def mean_over(x: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the mean along an axis, which stays with length 1.

    The same as NumPy's `mean`, whose checks cost more than the arithmetic of a window.
    """
    return np.asarray(np.add.reduce(x, axis=axis, keepdims=True) / x.shape[axis])


def sum_in_order(terms: Samples) -> Samples:
    """Sum over the first axis, first term first, whatever the shape.

    Library products and sums choose their order by the shape, and so would return other bits for
    other chunks. NumPy adds up row by row where the rows are at least two long (and in pairs where
    they are one long, hence the doubled column).

    Parameters
    ----------
    terms : ndarray of float64, shape (n_terms, ...)
        C-contiguous.
    """
    rows = terms.reshape(len(terms), -1)
    if rows.shape[1] == 1:
        total: Samples = np.add.reduce(np.repeat(rows, 2, axis=1), axis=0)[:1]
    else:
        total = np.add.reduce(rows, axis=0)
    return total.reshape(terms.shape[1:])
