"""The golden record: what a bundle must compute for a stretch of signal, on any machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle.decoder import Decoded, Decoder, stream_pipeline
from bci_app.bundle.predictor import Predictor
from bci_app.bundle.spec import Bundle
from bci_app.bundle.store import OPTIONAL, LoadedBundle, load_golden
from bci_app.errors import BundleError

TOLERANCES = {"float32": 1e-5, "int8": 2e-2}
"""Largest difference of a probability between processors, by the precision of the weights.

They differ in the last bits of float32 arithmetic. Where activations are rounded to 8 bits, a last bit may tip one
over to the next number, which moved probabilities by up to 4e-3 in trials with noise of 1e-6 on the tokens.
"""

Golden = dict[str, NDArray[np.generic]]


class CheckResult(NamedTuple):
    """What `check_bundle` found: windows compared and the largest differences."""

    windows: int
    token_error: float
    probability_error: float


def make_golden(
    spec: Bundle, model: bytes, *, raw: NDArray[np.float32], channels: Sequence[str], rate: float, chunk: int = 32
) -> Golden:
    """Run a recording in µV through the live code and keep what comes out.

    Windows that the model does not stand behind (artefacts, unlike the training data) are in it too.

    Parameters
    ----------
    spec, model
        The bundle.
    raw : ndarray of float32, shape (n_samples, n_channels)
        µV; its beginning is the rest baseline where the bundle needs one.
    channels, rate
        Of `raw`.
    chunk : int
        Samples given to the live code at a time.

    Returns
    -------
    dict
        ``raw``, ``channels``, ``rate``, ``samples`` (n_windows,), ``tokens`` (n_windows,
        n_channels, n_features) and ``probabilities`` (n_windows, n_targets, n_classes). Where the bundle has a
        domain check ``distances`` (n_windows,), and where it has conformal thresholds ``sets`` (n_windows, n_targets,
        n_classes), 1 for a class in the set and all 0 where there is no set.

    Raises
    ------
    BundleError
        If the recording is too short for a prediction.
    """
    pipeline = stream_pipeline(spec, channels=channels, rate=rate, units=["uV"] * len(channels))
    decoder = Decoder(pipeline, Predictor(spec, model))
    samples, tokens, probabilities = [], [], []
    extras: dict[str, list[NDArray[np.generic]]] = {}
    for start in range(0, len(raw), chunk):
        for window in pipeline.process(raw[start : start + chunk].astype(np.float64)):
            decoded = decoder.decode(window)
            if decoded.tokens is None or decoded.probabilities is None:
                continue
            samples.append(decoded.last)
            tokens.append(decoded.tokens)
            probabilities.append(_padded(spec, decoded.probabilities).astype(np.float32))
            for name, values in _extras(spec, decoded).items():
                extras.setdefault(name, []).append(values)
    if not samples:
        raise BundleError(
            "The recording for the golden record is too short",
            found=f"{len(raw) / rate:g} s",
            expected="the rest baseline and at least one window",
        )
    return {
        "raw": raw,
        "channels": np.array(channels),
        "rate": np.array(rate),
        "samples": np.array(samples, dtype=np.int64),
        "tokens": np.stack(tokens),
        "probabilities": np.stack(probabilities),
        **{name: np.stack(values) for name, values in extras.items()},
    }


def _padded(spec: Bundle, values: Sequence[NDArray[np.generic] | None]) -> NDArray[np.float64]:
    """Return values of each target as one array (n_targets, n_classes), 0 where there are none."""
    padded = np.zeros((len(spec.targets), spec.n_classes))
    for row, of_target in zip(padded, values, strict=True):
        if of_target is not None:
            row[: len(of_target)] = of_target
    return padded


def _extras(spec: Bundle, decoded: Decoded) -> Golden:
    """Return what bundles of version 2 may add: the distance of a window, and its conformal sets."""
    extras: Golden = {}
    if decoded.distance is not None:
        extras["distances"] = np.array(decoded.distance)
    if any(target.conformal for target in spec.targets):
        nothing = (None,) * len(spec.targets)
        extras["sets"] = _padded(spec, decoded.sets or nothing).astype(np.uint8)
    return extras


def check_bundle(loaded: LoadedBundle) -> CheckResult:
    """Replay a bundle's golden record through the live code, in chunks unlike those it was made in.

    Raises
    ------
    BundleError
        If the bundle does not load or gives other windows or probabilities here.
    """
    golden = load_golden(loaded.folder)
    channels = [str(name) for name in golden["channels"]]
    raw = golden["raw"].astype(np.float32)
    if raw.ndim != 2 or raw.shape[1] != len(channels) or not np.isfinite(raw).all():
        raise BundleError(
            f"The golden record of {loaded.spec.name} is damaged",
            found=f"samples of shape {raw.shape} for {len(channels)} channels",
            fix="Export the model again.",
        )
    again = make_golden(loaded.spec, loaded.model, raw=raw, channels=channels, rate=float(golden["rate"]), chunk=7)
    for key in ("samples", "tokens", "probabilities", *OPTIONAL):
        if (key in again) != (key in golden) or (key in again and again[key].shape != golden[key].shape):
            raise BundleError(
                f"Bundle {loaded.spec.name} gives other windows here",
                found=f"{key} of shape {again[key].shape if key in again else 'none'}",
                expected=f"shape {golden[key].shape if key in golden else 'none'}",
                fix="Update bci-app to the version that made the bundle, or export the model again.",
            )
    token_error = float(np.abs(again["tokens"].astype(float) - golden["tokens"].astype(float)).max())
    probability_error = float(
        np.abs(again["probabilities"].astype(float) - golden["probabilities"].astype(float)).max()
    )
    tolerance = TOLERANCES[loaded.spec.precision]
    same_samples = np.array_equal(again["samples"], golden["samples"])
    distance_error = _distance_error(again, golden)
    # Tokens are in units of a few: their error may be larger. A set may differ where a probability is at its threshold.
    wrong = probability_error > tolerance or not token_error <= 1e-3 or not distance_error <= 1e-3 + tolerance
    if not same_samples or wrong or _other_sets(again, golden):
        raise BundleError(
            f"Bundle {loaded.spec.name} gives other predictions here than where it was made",
            found=f"probabilities off by {probability_error:.2g}, tokens by {token_error:.2g}, distances by "
            f"{distance_error:.2g}" + ("" if same_samples else ", windows at other samples"),
            expected=f"at most {tolerance:g} and 1e-3",
            fix="Do not use it on this machine; report the versions that `bci-app doctor` prints.",
        )
    return CheckResult(len(golden["samples"]), token_error, probability_error)


def _distance_error(again: Golden, golden: Golden) -> float:
    """Return the largest difference of a distance, relative where distances are large."""
    if "distances" not in golden:
        return 0.0
    expected = golden["distances"].astype(np.float64)
    return float((np.abs(again["distances"].astype(np.float64) - expected) / np.maximum(np.abs(expected), 1.0)).max())


def _other_sets(again: Golden, golden: Golden) -> bool:
    """Return whether more conformal sets differ than rounding explains: more than one, and one in a hundred."""
    if "sets" not in golden:
        return False
    differ = (again["sets"] != golden["sets"]).any(axis=2)
    return bool(differ.sum() > max(1, differ.size // 100))
