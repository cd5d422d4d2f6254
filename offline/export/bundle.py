"""Writing a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bci_app.bundle import Bundle, load_bundle, save_bundle
from bci_app.bundle.golden import check_bundle, make_golden
from bci_app.bundle.spec import BlockArchitecture, Provenance, Smoothing, SubnetArchitecture, Target
from bci_app.bundle.store import sha256
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.export.graph import build_graph, check_parity
from offline.supernet.extract import Subnet


class ExportedSubnet(NamedTuple):
    """A network and the targets that it tells, temperatures included."""

    network: Subnet
    targets: tuple[Target, ...]

    def architecture(self) -> SubnetArchitecture:
        """Describe it for ``bundle.json``."""
        arch = self.network.arch
        return SubnetArchitecture(
            targets=tuple(target.name for target in self.targets),
            embed_dim=arch.embed_dim,
            blocks=tuple(
                BlockArchitecture(heads=heads, mlp_ratio=ratio)
                for heads, ratio in zip(arch.heads, arch.mlp_ratios, strict=True)
            ),
            parameters=sum(parameter.numel() for parameter in self.network.parameters()),
        )


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


def describe_bundle(
    name: str,
    title: str,
    model: bytes,
    subnets: Sequence[ExportedSubnet],
    *,
    preprocessing: PreprocessingSpec,
    provenance: Provenance,
    smoothing: Smoothing,
) -> Bundle:
    """Describe a graph as ``bundle.json`` does."""
    return Bundle(
        name=name,
        title=title,
        not_for_people=provenance.synthetic,
        model_sha256=sha256(model),
        model_bytes=len(model),
        preprocessing=preprocessing,
        targets=tuple(target for subnet in subnets for target in subnet.targets),
        embedding_dim=sum(subnet.network.arch.embed_dim for subnet in subnets),
        smoothing=smoothing,
        architecture=tuple(subnet.architecture() for subnet in subnets),
        provenance=provenance,
    )


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

    Raises
    ------
    BundleError
        If the graph does not compute what the networks compute, the excerpt is too short, or the
        folder cannot be written.
    """
    networks = [subnet.network for subnet in subnets]
    model = build_graph(networks)
    check_parity(model, networks)
    spec = describe_bundle(
        name,
        title,
        model,
        subnets,
        preprocessing=preprocessing,
        provenance=provenance,
        smoothing=smoothing or Smoothing(),
    )
    golden = make_golden(spec, model, raw=excerpt.raw, channels=excerpt.channels, rate=excerpt.rate)
    save_bundle(folder, spec, model, golden)
    check_bundle(load_bundle(folder))
    return spec
