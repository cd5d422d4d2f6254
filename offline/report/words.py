"""What a report says in words of preprocessing and search."""

from __future__ import annotations

from bci_app.preprocessing.spec import LogBandPowerToken, NoBaseline, PreprocessingSpec

HYPERVOLUME = {
    False: "Hypervolume: the area between the front of the subnets met so far and an error of 1 at the largest size, "
    "in million parameters.",
    True: "The front is that of error, size and latency; lines bound it as seen here, without latency. Hypervolume: "
    "the volume between the front of the subnets met so far and an error of 1 at the largest size and the slowest "
    "subnet’s latency, in million parameters and ms.",
}
"""What the hypervolume is, by whether latency was an objective of the search."""


def describe(spec: PreprocessingSpec) -> str:
    """Say in words what a token is."""
    steps = [f"{spec.rate:g} Hz"]
    if spec.band_pass:
        steps.append(f"causal Butterworth {spec.band_pass.low:g}–{spec.band_pass.high:g} Hz")
    if spec.reference.kind != "none":
        steps.append(f"{spec.reference.kind} reference")
    steps.append(f"windows of {spec.window_seconds:g} s every {spec.hop_seconds:g} s")
    token = spec.token
    steps.append(f"log power in {len(token.bands)} bands" if isinstance(token, LogBandPowerToken) else "raw samples")
    if not isinstance(spec.baseline, NoBaseline):
        how = {
            "template": "less the mean window",
            "channel": "z-scored per channel against the windows",
            "feature": "z-scored per feature against the windows",
        }[spec.baseline.kind]
        steps.append(f"{how} of {spec.baseline.samples / spec.rate:g} s of rest")
    if spec.across_channels:
        steps.append("z-scored across channels")
    return "; ".join(steps)
