"""Writing a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle import Bundle, load_bundle, save_bundle
from bci_app.bundle.golden import check_bundle, make_golden
from bci_app.bundle.spec import Provenance, Quantisation, QuantisedScore, Smoothing
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.export.describe import ExportedSubnet, describe_bundle
from offline.export.graph import build_graph, check_parity
from offline.export.latency import measure_latency
from offline.export.quantise import quantise


class Excerpt(NamedTuple):
    """A stretch of real signal for the golden record.

    Attributes
    ----------
    raw : ndarray of float32, shape (n_samples, n_channels)
        µV. Its beginning is the rest baseline where the bundle needs one.
    channels : tuple of str
        Names of the columns.
    rate : float
        Hz.
    """

    raw: NDArray[np.float32]
    channels: tuple[str, ...]
    rate: float


def export_bundle(
    folder: Path,
    subnets: Sequence[ExportedSubnet],
    *,
    name: str,
    title: str,
    preprocessing: PreprocessingSpec,
    provenance: Provenance,
    excerpt: Excerpt,
    smoothing: Smoothing | None = None,
    max_bad_share: float = 0.0,
    bad_channels: Literal["interpolate", "rest"] = "interpolate",
    quantised: Sequence[QuantisedScore] | None = None,
) -> Bundle:
    """Write a bundle whole or not at all, and check it as ``bci-app check`` does.

    Parameters
    ----------
    folder : Path
        The bundle's folder; one that is there is replaced.
    subnets : sequence of ExportedSubnet
        Networks that become one graph.
    name, title : str
        Name of the bundle, and the name that people read.
    preprocessing : PreprocessingSpec
        What makes the tokens.
    provenance : Provenance
        The model card.
    excerpt : Excerpt
        Signal for the golden record.
    smoothing : Smoothing, optional
        None by default.
    max_bad_share : float
        Largest share of the channels that may be bad.
    bad_channels : {"interpolate", "rest"}
        What stands for them.
    quantised : sequence of QuantisedScore, optional
        What 8-bit weights were measured to reach: if given, the graph has such weights.

    Raises
    ------
    BundleError
        If the graph does not compute what the networks compute, the excerpt is too short, or the
        folder cannot be written.
    """
    networks = [subnet.network for subnet in subnets]
    model = build_graph(networks)
    check_parity(model, networks)

    def described(model: bytes, provenance: Provenance) -> Bundle:
        return describe_bundle(
            name,
            title,
            model,
            subnets,
            preprocessing=preprocessing,
            provenance=provenance,
            smoothing=smoothing or Smoothing(),
            precision="float32" if quantised is None else "int8",
            max_bad_share=max_bad_share,
            bad_channels=bad_channels,
        )

    if quantised is not None:
        small = quantise(model)
        costs = Quantisation(
            scores=tuple(quantised),
            float_bytes=len(model),
            float_latency_ms=measure_latency(described(model, provenance), model),
            latency_ms=measure_latency(described(small, provenance), small),
        )
        model, provenance = small, provenance.model_copy(update={"quantisation": costs})
    spec = described(model, provenance)
    write_checked(folder, spec, model, excerpt)
    return spec


def write_checked(folder: Path, spec: Bundle, model: bytes, excerpt: Excerpt) -> None:
    """Write a bundle of any graph whole or not at all, and check it as ``bci-app check`` does.

    Parameters
    ----------
    folder : Path
        The bundle's folder; one that is there is replaced.
    spec : Bundle
        The description, whose hash is that of the graph.
    model : bytes
        The graph.
    excerpt : Excerpt
        Signal for the golden record.

    Raises
    ------
    BundleError
        If the graph does not run, the excerpt is too short, or the folder cannot be written.
    """
    golden = make_golden(spec, model, raw=excerpt.raw, channels=excerpt.channels, rate=excerpt.rate)
    save_bundle(folder, spec, model, golden)
    check_bundle(load_bundle(folder))
