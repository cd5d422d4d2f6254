"""Band-pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bci_app.preprocessing.base import PositiveFloat
from bci_app.preprocessing.steps.filters import Filter


class BandPass(Filter):
    """Causal Butterworth band-pass, corner frequencies in Hz."""

    kind: Literal["band_pass"] = "band_pass"
    low: PositiveFloat
    high: PositiveFloat
    order: Annotated[int, Field(ge=1, le=10)] = 4

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"band-pass low {self.low} Hz is not below high {self.high} Hz")
        return self

    def check(self, channels: Sequence[str], rate: float) -> None:
        """Check that the upper corner lies below half the rate."""
        if self.high >= rate / 2:
            raise ValueError(f"band-pass high {self.high} Hz is not below {rate / 2} Hz")

    def sections(self, rate: float) -> NDArray[np.float64]:
        """Design the filter: second-order sections, shape (order, 6)."""
        from scipy import signal

        sections: NDArray[np.float64] = signal.butter(
            self.order, (self.low, self.high), "bandpass", fs=rate, output="sos"
        )
        return sections

    def describe(self) -> str:
        """Return the pass band."""
        return f"causal Butterworth {self.low:g}–{self.high:g} Hz"

    @property
    def highest_frequency(self) -> float:
        """The upper corner."""
        return self.high

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return a usual band and one of another order."""
        return cls(low=1, high=45), cls(low=4, high=30, order=2)
