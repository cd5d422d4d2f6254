"""The preprocessing of a model, as data.

The specification is frozen and travels in the bundle. Only causal steps can be expressed. The
order of the steps is fixed:

select channels and scale to µV → resample → band-pass and notch → reference → windows → token
→ rest baseline → normalisation across channels
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BandPass(_Frozen):
    """Causal Butterworth band-pass, corner frequencies in Hz."""

    low: PositiveFloat
    high: PositiveFloat
    order: Annotated[int, Field(ge=1, le=10)] = 4

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"band-pass low {self.low} Hz is not below high {self.high} Hz")
        return self


class Notch(_Frozen):
    """Causal second-order notch (IIR, -3 dB width frequency/quality)."""

    frequency: PositiveFloat
    quality: PositiveFloat = 30.0


class AverageReference(_Frozen):
    """Subtract the mean over the valid channels from every sample."""

    kind: Literal["average"] = "average"


class ChannelReference(_Frozen):
    """Subtract one channel, which must be among the model's channels, from every sample."""

    kind: Literal["channel"] = "channel"
    channel: str


class NoReference(_Frozen):
    """Leave the reference as recorded."""

    kind: Literal["none"] = "none"


class RawToken(_Frozen):
    """A token is the window's samples of one channel, in µV."""

    kind: Literal["raw"] = "raw"


class LogBandPowerToken(_Frozen):
    """A token is the log power of one channel in each band.

    Natural logarithm of the mean one-sided spectral density (mean removed) in µV²/Hz over
    ``low <= f < high``.

    Attributes
    ----------
    bands : tuple of (float, float)
        Edges in Hz.
    sine_tapers : int
        0: periodogram with a Hann taper. n > 0: mean periodogram over the first n sine tapers (Riedel &
        Sidorenko 1995), which varies less from window to window and smears over ±(n + 1) / 2 bins.
    """

    kind: Literal["log_band_power"] = "log_band_power"
    bands: Annotated[tuple[tuple[PositiveFloat, PositiveFloat], ...], Field(min_length=1)]
    sine_tapers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for low, high in self.bands:
            if low >= high:
                raise ValueError(f"band {low}-{high} Hz is empty")
        return self


class NoBaseline(_Frozen):
    """Tokens are used as they are."""

    kind: Literal["none"] = "none"


class RestBaseline(_Frozen):
    """Tokens are referred to the same person's rest.

    Attributes
    ----------
    kind : {"template", "channel", "feature"}
        ``template``: subtract the mean baseline window (the segment mean of the TNAS paper).
        ``channel``: z-score with one mean and standard deviation a channel.
        ``feature``: z-score with a mean and standard deviation for each feature of each channel.
    samples : int
        Length of the rest period at the model rate, from the first sample, warm-up included.
    """

    kind: Literal["template", "channel", "feature"]
    samples: Annotated[int, Field(gt=0)]


Reference = Annotated[AverageReference | ChannelReference | NoReference, Field(discriminator="kind")]
Token = Annotated[RawToken | LogBandPowerToken, Field(discriminator="kind")]
Baseline = Annotated[NoBaseline | RestBaseline, Field(discriminator="kind")]


class PreprocessingSpec(_Frozen):
    """Everything between the samples of a source and the input of a network.

    Attributes
    ----------
    channels : tuple of str
        Channels in the order of the network's tokens, canonical names.
    rate : float
        Model rate in Hz.
    band_pass, notches, reference
        Filters at the model rate, and the reference.
    warm_up : int
        Samples at the model rate dropped after every reset, while filters settle.
    window, hop : int
        Length and distance of windows in samples at the model rate.
    token : RawToken or LogBandPowerToken
        What the network sees of a channel.
    baseline : NoBaseline or RestBaseline
        How tokens are referred to rest.
    across_channels : bool
        Z-score across channels for every feature of a window (TNAS paper), last of all.
    """

    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    rate: PositiveFloat
    band_pass: BandPass | None = None
    notches: tuple[Notch, ...] = ()
    reference: Reference = Field(default_factory=NoReference)
    warm_up: Annotated[int, Field(ge=0)] = 0
    window: Annotated[int, Field(gt=0)]
    hop: Annotated[int, Field(gt=0)]
    token: Token = Field(default_factory=RawToken)
    baseline: Baseline = Field(default_factory=NoBaseline)
    across_channels: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        nyquist = self.rate / 2
        if len(set(self.channels)) != len(self.channels):
            raise ValueError("a channel is named twice")
        if self.band_pass and self.band_pass.high >= nyquist:
            raise ValueError(f"band-pass high {self.band_pass.high} Hz is not below {nyquist} Hz")
        for notch in self.notches:
            if notch.frequency >= nyquist:
                raise ValueError(f"notch {notch.frequency} Hz is not below {nyquist} Hz")
        if isinstance(self.reference, ChannelReference) and self.reference.channel not in self.channels:
            raise ValueError(f"reference {self.reference.channel} is not among the channels")
        if isinstance(self.token, LogBandPowerToken):
            resolution = self.rate / self.window
            if self.token.sine_tapers > self.window:
                raise ValueError(f"a {self.window}-sample window has no {self.token.sine_tapers} sine tapers")
            for low, high in self.token.bands:
                if high > nyquist:
                    raise ValueError(f"band {low}-{high} Hz reaches above {nyquist} Hz")
                # The first frequency bin at or above `low` must lie below `high`.
                if -(-low // resolution) * resolution >= high:
                    raise ValueError(f"band {low}-{high} Hz holds no frequency of a {self.window}-sample window")
        if isinstance(self.baseline, RestBaseline) and self.baseline_windows < 1:
            raise ValueError("the rest baseline is shorter than warm-up and one window")
        if isinstance(self.baseline, RestBaseline) and self.baseline.kind == "feature" and self.baseline_windows < 2:
            raise ValueError("a baseline of kind feature needs at least two windows")
        return self

    @property
    def digest(self) -> str:
        """A hash (sha256, lower-case hex) of all settings: what was measured with others does not fit."""
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()

    @property
    def n_features(self) -> int:
        """Length of a token."""
        return self.window if isinstance(self.token, RawToken) else len(self.token.bands)

    @property
    def highest_frequency(self) -> float:
        """Highest frequency, in Hz, that a stream must carry for the tokens to be what they were in training."""
        if isinstance(self.token, LogBandPowerToken):
            return max(high for _, high in self.token.bands)
        return self.band_pass.high if self.band_pass is not None else 0.4 * self.rate

    @property
    def baseline_windows(self) -> int:
        """Windows that the rest period of an unbroken recording gives; 0 without a baseline."""
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
