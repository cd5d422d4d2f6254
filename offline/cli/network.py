"""Commands about the networks themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from offline.cli.parsing import known_preset, require_extra


def space(
    preset: Annotated[str, typer.Option(help="paper or compact")] = "paper",
) -> None:
    """Count the subnets of a search space and show its smallest and largest."""
    require_extra()
    from offline.supernet.model import count_parameters

    chosen = known_preset(preset).space
    print(f"{chosen.count()} subnets of {chosen.depths[0]} to {chosen.depths[-1]} layers")
    for depth in chosen.depths:
        print(f"{chosen.count(depth=depth)} of depth {depth}")
    print(f"embedding {', '.join(map(str, chosen.embed_dims))}")
    print(f"heads {', '.join(map(str, chosen.heads))} and MLP ratios {', '.join(map(str, chosen.mlp_ratios))} a layer")
    for name, arch in (("smallest", chosen.smallest), ("largest", chosen.largest)):
        parameters = count_parameters(arch, n_channels=32, n_features=128, class_counts=(2,))
        print(f"{name}: {parameters} parameters at 32 channels of 128 features")
