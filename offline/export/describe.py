"""A graph and its networks as ``bundle.json`` describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from bci_app.bundle import Bundle
from bci_app.bundle.spec import BlockArchitecture, Provenance, Smoothing, SubnetArchitecture, Target
from bci_app.bundle.store import sha256
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.supernet.model import Network


class ExportedSubnet(NamedTuple):
    """A network and the targets that it predicts, temperatures included."""

    network: Network
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


def describe_bundle(
    name: str,
    title: str,
    model: bytes,
    subnets: Sequence[ExportedSubnet],
    *,
    preprocessing: PreprocessingSpec,
    provenance: Provenance,
    smoothing: Smoothing,
    precision: Literal["float32", "int8"] = "float32",
    max_bad_share: float = 0.0,
    bad_channels: Literal["interpolate", "rest"] = "interpolate",
) -> Bundle:
    """Describe a graph as ``bundle.json`` does."""
    return Bundle(
        name=name,
        title=title,
        not_for_people=provenance.synthetic,
        model_sha256=sha256(model),
        model_bytes=len(model),
        precision=precision,
        preprocessing=preprocessing,
        targets=tuple(target for subnet in subnets for target in subnet.targets),
        embedding_dim=sum(subnet.network.arch.embed_dim for subnet in subnets),
        smoothing=smoothing,
        max_bad_share=max_bad_share,
        bad_channels=bad_channels,
        architecture=tuple(subnet.architecture() for subnet in subnets),
        provenance=provenance,
    )
