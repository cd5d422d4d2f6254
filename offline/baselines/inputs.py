"""What the baselines see of the windows that the network sees."""

from __future__ import annotations

from bci_app.preprocessing.spec import LogBandPowerToken, PreprocessingSpec, RawToken, RestBaseline
from offline.presets import POWER_BANDS

ENTROPY_BANDS = ((1, 4), (4, 8), (8, 14), (14, 31), (31, 50))
"""The bands of differential entropy (Duan et al. 2013; Zheng & Lu 2015), Hz."""


def log_band_power(spec: PreprocessingSpec, referenced: bool) -> PreprocessingSpec:
    """Log power in four bands.

    Where the rest baseline has several windows and the network's is not their mean alone, each feature is z-scored
    against it; else it is the log ratio to the mean, or the power itself. Recordings that are `referenced` stay so:
    the common average makes this method worse (docs/compact-preset.md).
    """
    return _band_power(spec, referenced, POWER_BANDS)


def differential_entropy(spec: PreprocessingSpec, referenced: bool) -> PreprocessingSpec:
    """Differential entropy in five bands.

    That of a Gaussian signal of variance σ² is ln(2πe σ²) / 2. All that is done with it standardises features, so that
    the factor and the constant drop out and the logarithm of the power is the same feature.
    """
    return _band_power(spec, referenced, ENTROPY_BANDS)


def raw(spec: PreprocessingSpec, _referenced: bool) -> PreprocessingSpec:
    """Raw samples, each channel z-scored against the rest baseline where that has several windows."""
    return spec.model_copy(update={"token": RawToken(), "baseline": _rest(spec, "channel"), "across_channels": False})


def as_searched(spec: PreprocessingSpec, _referenced: bool) -> PreprocessingSpec:
    """Exactly what the searched network sees."""
    return spec


def _band_power(spec: PreprocessingSpec, referenced: bool, bands: tuple[tuple[float, float], ...]) -> PreprocessingSpec:
    return spec.model_copy(
        update={
            "steps": tuple(step for step in spec.steps if not (referenced and step.mixes_channels)),
            "token": LogBandPowerToken(bands=bands),
            "baseline": _rest(spec, "feature"),
            "across_channels": False,
        }
    )


def _rest(spec: PreprocessingSpec, kind: str) -> object:
    baseline = spec.baseline
    if isinstance(baseline, RestBaseline) and baseline.kind != "template" and spec.baseline_windows >= 2:
        return baseline.model_copy(update={"kind": kind})
    return baseline
