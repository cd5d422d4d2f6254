"""The preprocessing of a model, as data.

The specification is frozen and travels in the bundle. Only causal steps can be expressed. The order is

select channels and scale to µV → resample → steps → windows → token → rest baseline → normalisation across channels
→ session alignment

`bci_app.preprocessing.steps` lists the steps that there are, `bci_app.preprocessing.tokens` the tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, SerializeAsAny, model_validator

from bci_app.preprocessing import version_1
from bci_app.preprocessing.alignment import Alignment, NoAlignment, RunningAlignment
from bci_app.preprocessing.artefact import ArtefactRule
from bci_app.preprocessing.base import Frozen, PositiveFloat, Step, Token, one_of
from bci_app.preprocessing.baseline import Baseline, NoBaseline, RestBaseline
from bci_app.preprocessing.steps import STEPS, AverageReference, BandPass, ChannelReference, Notch
from bci_app.preprocessing.tokens import TOKENS, LogBandPowerToken, RawToken

# Share of the rate up to which the resampler passes everything.
_PASSED = 0.4


class PreprocessingSpec(Frozen):
    """Everything between the samples of a source and the input of a network.

    Attributes
    ----------
    channels : tuple of str
        Channels in the order of the network's tokens, canonical names.
    rate : float
        Model rate in Hz.
    steps : tuple of Step
        Steps at the model rate, in their order.
    warm_up : int
        Samples at the model rate dropped after every reset, while filters settle.
    window, hop : int
        Length and distance of windows in samples at the model rate.
    token : Token
        What a network sees of one channel in one window.
    baseline : NoBaseline or RestBaseline
        Whether and how tokens are referred to rest.
    across_channels : bool
        Z-score across channels for every feature of a window (TNAS paper).
    alignment : NoAlignment or RunningAlignment
        Whether and how tokens are aligned over a session, last of all.
    artefact : ArtefactRule or None
        Which windows are artefacts and give no prediction.
    """

    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    rate: PositiveFloat
    steps: tuple[Annotated[SerializeAsAny[Step], one_of(STEPS, "step")], ...] = ()
    warm_up: Annotated[int, Field(ge=0)] = 0
    window: Annotated[int, Field(gt=0)]
    hop: Annotated[int, Field(gt=0)]
    token: Annotated[SerializeAsAny[Token], one_of(TOKENS, "token")] = Field(default_factory=RawToken)
    baseline: Baseline = Field(default_factory=NoBaseline)
    across_channels: bool = False
    alignment: Alignment = Field(default_factory=NoAlignment)
    artefact: ArtefactRule | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_version_1(cls, data: object) -> object:
        return version_1.with_steps(data) if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.channels)) != len(self.channels):
            raise ValueError("a channel is named twice")
        for step in self.steps:
            step.check(self.channels, self.rate)
        self.token.check(self.window, self.rate)
        if self.artefact is not None:
            self.artefact.check(self.window, self.rate)
        if isinstance(self.baseline, RestBaseline):
            if self.baseline_windows < 1:
                raise ValueError("the rest baseline is shorter than warm-up and one window")
            if self.baseline.shape and not isinstance(self.token, LogBandPowerToken):
                raise ValueError("only tokens of log band power have the shape of a spectrum")
            if self.baseline.kind == "feature" and self.baseline_windows < 2:
                raise ValueError("a baseline of kind feature needs at least two windows")
        return self

    def describe(self) -> str:
        """Return in words how samples become tokens, in the order of the steps."""
        parts = [
            f"{self.rate:g} Hz",
            *(step.describe() for step in self.steps),
            f"windows of {self.window_seconds:g} s every {self.hop_seconds:g} s",
            self.token.describe(),
            self.baseline.describe(self.rate),
            "z-scored across channels" if self.across_channels else "",
            self.alignment.describe(self.hop_seconds),
            self.artefact.describe() if self.artefact is not None else "",
        ]
        return "; ".join(part for part in parts if part)

    @property
    def digest(self) -> str:
        """A hash (sha256, lower-case hex) of all settings: what was measured with others does not fit."""
        settings: dict[str, Any] = self.model_dump(mode="json", exclude_defaults=True)
        settings.pop("steps", None)
        text = version_1.hashed_text(settings, self.steps, self.token)
        if text is None:
            whole = {"steps": [step.model_dump(mode="json") for step in self.steps]}
            text = json.dumps(settings | whole | {"token": self.token.model_dump(mode="json")}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def n_features(self) -> int:
        """Length of a token."""
        measured = self.token.n_features(self.window)
        return 2 * measured if isinstance(self.baseline, RestBaseline) and self.baseline.shape else measured

    @property
    def highest_frequency(self) -> float:
        """Highest frequency, in Hz, that a stream must carry for the tokens to be what they were in training."""
        if self.token.highest_frequency is not None:
            return self.token.highest_frequency
        passed = [step.highest_frequency for step in self.steps if step.highest_frequency is not None]
        return min(passed, default=_PASSED * self.rate)

    @property
    def baseline_windows(self) -> int:
        """Windows that the rest period of an unbroken recording has; 0 without a baseline."""
        if isinstance(self.baseline, NoBaseline):
            return 0
        return max(0, (self.baseline.samples - self.warm_up - self.window) // self.hop + 1)

    @property
    def window_seconds(self) -> float:
        """Length of a window in seconds."""
        return self.window / self.rate

    @property
    def hop_seconds(self) -> float:
        """Distance of windows in seconds."""
        return self.hop / self.rate


__all__ = [
    "Alignment",
    "ArtefactRule",
    "AverageReference",
    "BandPass",
    "Baseline",
    "ChannelReference",
    "LogBandPowerToken",
    "NoAlignment",
    "NoBaseline",
    "Notch",
    "PreprocessingSpec",
    "RawToken",
    "RestBaseline",
    "RunningAlignment",
]
