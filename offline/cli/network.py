"""Commands about the networks themselves."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from offline.cli.options import DeviceChoice, DeviceOption, PrecisionChoice, PrecisionOption
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


def bench(
    device: DeviceOption = DeviceChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
    full: Annotated[bool, typer.Option("--full", help="Measure longer, and every stack.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Measure training, search, windows and export on this machine; about 3 minutes on two cores."""
    require_extra()
    from offline.bench import measure
    from offline.cli.display import bench_table
    from offline.device import choose_device

    def note(part: str) -> None:
        print(f"{part} …", file=sys.stderr)

    found = measure(device=choose_device(device.value, precision.value), full=full, progress=note)
    if as_json:
        print(json.dumps(found))
    else:
        bench_table(found)
