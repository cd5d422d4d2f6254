"""A graph and its networks as ``bundle.json`` describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from bci_app.bundle import Bundle
from bci_app.bundle.spec import (
    Architecture,
    BlockArchitecture,
    Provenance,
    SimpleArchitecture,
    Smoothing,
    SubnetArchitecture,
    Target,
)
from bci_app.bundle.store import sha256
from bci_app.preprocessing.spec import PreprocessingSpec
from offline.supernet.model import Network

LINE_METHOD = "the network's tokens and logistic regression; validation preferred it to the network"


class ExportedSubnet(NamedTuple):
    """A network and the targets that it predicts, temperatures included; a line answers for some of them."""

    network: Network
    targets: tuple[Target, ...]
    lines: tuple[str, ...] = ()

    def architecture(self) -> tuple[Architecture, ...]:
        """Describe it for ``bundle.json``: the subnet, and the lines of targets that it does not answer for."""
        arch = self.network.arch
        by_subnet = tuple(target.name for target in self.targets if target.name not in self.lines)
        subnet = SubnetArchitecture(
            targets=by_subnet,
            embed_dim=arch.embed_dim,
            blocks=tuple(
                BlockArchitecture(heads=heads, mlp_ratio=ratio)
                for heads, ratio in zip(arch.heads, arch.mlp_ratios, strict=True)
            ),
            parameters=self.network.parameters_of(arch),
        )
        inputs = self.network.n_channels * self.network.n_features
        lines = tuple(
            SimpleArchitecture(
                kind="linear",
                targets=(target.name,),
                method=LINE_METHOD,
                parameters=(inputs + 1) * len(target.classes),
            )
            for target in self.targets
            if target.name in self.lines
        )
        return ((subnet,) if by_subnet else ()) + lines


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
        architecture=tuple(part for subnet in subnets for part in subnet.architecture()),
        provenance=provenance,
    )
