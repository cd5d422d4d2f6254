"""What each part of the tokens of preset ``compact`` is worth on EEGMAT: a whole run with that part changed.

``python -m tests.benchmarks.preset_tokens --variant hann --out RUN`` prints one line of the table in
``docs/compact-preset.md``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import offline.presets
from bci_app.preprocessing.spec import AverageReference, LogBandPowerToken, PreprocessingSpec
from offline.datasets.base import DatasetInfo
from offline.presets import BANDS, DRIFT_FILTER, PRESETS, SINE_TAPERS, band_power_preprocessing
from offline.run import RunSettings, run

_SLOW_TOO = ((2, 4), *BANDS)
_TAPERED = LogBandPowerToken(bands=_SLOW_TOO, sine_tapers=SINE_TAPERS)

VARIANTS: dict[str, dict[str, Any]] = {
    "preset": {},
    "former": {"token": LogBandPowerToken(bands=BANDS), "steps": (), "warm_up": 0},
    # With the faster delta waves, which the preset then dropped:
    "slow-band": {"token": _TAPERED},
    "no-average": {"token": _TAPERED, "steps": (DRIFT_FILTER,)},
    "no-band-pass": {"token": _TAPERED, "steps": (AverageReference(),), "warm_up": 0},
    "hann": {"token": LogBandPowerToken(bands=_SLOW_TOO)},
    "5-tapers": {"token": LogBandPowerToken(bands=_SLOW_TOO, sine_tapers=5)},
    "16-tapers": {"token": LogBandPowerToken(bands=_SLOW_TOO, sine_tapers=16)},
}


def main() -> None:
    """Run one variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    def changed(info: DatasetInfo) -> PreprocessingSpec:
        return band_power_preprocessing(info).model_copy(update=VARIANTS[given.variant])

    offline.presets.band_power_preprocessing = changed
    settings = RunSettings(
        dataset="eegmat",
        preset=PRESETS["compact"].changed(strategy="evolution"),
        protocols=("subjects",),
        seed=given.seed,
    )
    result = run(settings, given.out, processes=2)
    assert result is not None
    for kind in ("supernet", "inherited", "found", "reference"):
        score = result.record.protocols[0].scores[kind][0]
        print(
            f"{given.variant:12} {kind:10} {score.balanced_accuracy:.3f} / {score.rolling_balanced_accuracy:.3f}"
            f"   calibration error {score.expected_calibration_error:.3f}"
        )


if __name__ == "__main__":
    main()
