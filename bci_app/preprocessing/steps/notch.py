"""Notch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing.base import PositiveFloat
from bci_app.preprocessing.steps.filters import Filter


class Notch(Filter):
    """Causal second-order notch (IIR, -3 dB width frequency/quality)."""

    kind: Literal["notch"] = "notch"
    frequency: PositiveFloat
    quality: PositiveFloat = 30.0

    def check(self, channels: Sequence[str], rate: float) -> None:
        """Check that the notch lies below half the rate."""
        if self.frequency >= rate / 2:
            raise ValueError(f"notch {self.frequency} Hz is not below {rate / 2} Hz")

    def sections(self, rate: float) -> NDArray[np.float64]:
        """Design the filter: second-order sections, shape (1, 6)."""
        from scipy import signal

        b, a = signal.iirnotch(self.frequency, self.quality, fs=rate)
        sections: NDArray[np.float64] = signal.tf2sos(b, a)
        return sections

    def describe(self) -> str:
        """Return the frequency that is taken out."""
        return f"causal notch at {self.frequency:g} Hz"

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Return the notch of European mains."""
        return (cls(frequency=50),)
