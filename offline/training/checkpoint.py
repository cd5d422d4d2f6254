"""Checkpoints: one safetensors file with its JSON in the header, replaced in one step.

No state of a random generator is stored, since none is needed: every epoch draws from generators
that are seeded by the run's seed and the number of the epoch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from bci_app.atomic import write_atomically
from bci_app.errors import FileError


def save_checkpoint(path: Path, groups: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> None:
    """Write groups of named tensors and a JSON-serialisable state, all or nothing."""
    tensors = {f"{group}/{name}": value for group, values in groups.items() for name, value in values.items()}
    write_atomically(
        path,
        save({name: value.detach().contiguous() for name, value in tensors.items()}, {"state": json.dumps(state)}),
    )


def load_checkpoint(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Raises
    ------
    FileError
        If the file is not a checkpoint.
    """
    groups: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads(file.metadata()["state"])
            for key in file.keys():  # noqa: SIM118 (not a dictionary)
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file.get_tensor(key)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise FileError(
            f"Cannot read the checkpoint {path.name}",
            found=str(error),
            expected="a checkpoint written by bci-offline",
            fix="Delete it to train again.",
        ) from error
    return groups, state


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the tensors of an optimizer's state as ``number of parameter/name``."""
    state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    return {f"{number}/{name}": value for number, values in state.items() for name, value in values.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Load what `optimizer_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split("/")
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
