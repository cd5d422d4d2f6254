"""From the words of a command line to settings. What no data could make right is wrong usage (exit code 2)."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import typer

from bci_app.errors import DependencyError
from offline.cli.options import DeviceChoice, NetworksChoice, PrecisionChoice, SearchChoice

if TYPE_CHECKING:
    from pydantic import BaseModel

    from offline.device import Device
    from offline.presets import Preset
    from offline.run import RunSettings

Settings = TypeVar("Settings", bound="BaseModel")

_EXTRAS = {
    "offline": ("torch", "onnx", "pymoo", "safetensors", "sklearn", "filelock", "matplotlib", "jinja2"),
    "baselines": ("braindecode", "pyriemann"),
}


def require_extra(extra: str = "offline") -> None:
    """Check that the packages of an extra are installed.

    Raises
    ------
    DependencyError
        If one is missing.
    """
    missing = [name for name in _EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise DependencyError(
            "The offline side is not installed" if extra == "offline" else "The baselines are not installed",
            found=f"no {', '.join(missing)}",
            expected=f"the extra '{extra}'",
            fix=f"Install it: pip install 'bci-app[{extra}]'.",
        )


def known(name: str, names: Iterable[str], option: str) -> str:
    """Return a name if it is among those that are known.

    Raises
    ------
    typer.BadParameter
        If it is not; the message lists the known ones.
    """
    if name not in names:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(names)}", param_hint=option)
    return name


def known_preset(name: str) -> Preset:
    """Return the preset of a name."""
    from offline.presets import PRESETS

    return PRESETS[known(name, PRESETS, "--preset")]


def known_baselines(text: str | None) -> tuple[str, ...]:
    """Return the names of baselines, after a check that they are known and what they need is installed."""
    from offline.baselines.registry import ALL, BASELINES

    names = tuple(known(name, [*BASELINES, ALL], "--baselines") for name in names_by_commas(text) or ())
    if names:
        require_extra("baselines")
    return names


def names_by_commas(text: str | None) -> tuple[str, ...] | None:
    """Split names by commas; None stays None."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def names_or_number(text: str | None) -> tuple[str, ...] | int | None:
    """Return the subjects that were named, or how many were asked for."""
    chosen = int(text) if text is not None and text.strip().isdecimal() else names_by_commas(text)
    if chosen is not None and not chosen:
        raise typer.BadParameter("name subjects, or say how many (1 at least)", param_hint="--subjects")
    return chosen


def run_settings(
    preset: Preset,
    dataset: str,
    protocol: str | None,
    *,
    folds: int | None,
    subjects: str | None,
    targets: str | None,
    seed: int,
    threshold: str | None,
) -> RunSettings:
    """Return the settings of a run."""
    from offline.protocols import PROTOCOLS
    from offline.run import RunSettings

    protocols = (preset.protocol,) if protocol is None else names_by_commas(protocol) or ()
    return RunSettings(
        dataset=known_dataset(dataset),
        preset=preset,
        protocols=tuple(known(name, PROTOCOLS, "--protocol") for name in protocols),
        folds=folds,
        subjects=names_or_number(subjects),
        targets=names_by_commas(targets),
        seed=seed,
        threshold=threshold,
    )


def changed_preset(
    preset: str,
    recipe: list[str] | None,
    search_settings: list[str] | None,
    *,
    epochs: int | None,
    generations: int | None,
    finetune: int | None,
    networks: NetworksChoice | None,
    search: SearchChoice | None,
    latency: bool,
) -> Preset:
    """Return a preset with the settings that were asked for in place of its own."""
    base = known_preset(preset)
    score = _with_values(base.search.score, search_settings, "--search-setting", beside=base.search)
    searched = _with_values(base.search, search_settings, "--search-setting", beside=score)
    changes = {
        "recipe": _with_values(base.recipe, recipe, "--recipe"),
        "search": searched.model_copy(update={"score": score}),
    }
    return base.model_copy(update=changes).changed(
        epochs=epochs,
        generations=generations,
        finetune=finetune,
        networks=None if networks is None else networks.value,
        strategy=None if search is None else search.value,
        latency=latency,
    )


def _with_values(
    settings: Settings, words: list[str] | None, option: str, *, beside: BaseModel | None = None
) -> Settings:
    """Return settings with other values, each as ``NAME=VALUE``; names of those `beside` are left to them."""
    from pydantic import BaseModel, ValidationError

    values = settings.model_dump()
    own = [name for name, value in settings if not isinstance(value, BaseModel)]
    others = [] if beside is None else [name for name, value in beside if not isinstance(value, BaseModel)]
    for word in words or ():
        name, _, value = word.partition("=")
        if name not in (*own, *others):
            raise typer.BadParameter(f"{name!r} is none of {', '.join([*own, *others])}", param_hint=option)
        if name in own:
            values[name] = value
    try:
        return type(settings).model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise typer.BadParameter(f"{first['loc'][0]}: {first['msg']}", param_hint=option) from error


def known_dataset(name: str) -> str:
    """Return the name of a data set, which options may follow, if the data set is known."""
    from offline.datasets import DATASETS, plain_name

    known(plain_name(name), DATASETS, "--dataset")
    return name


class Compute(NamedTuple):
    """Where to compute: device, networks trained together (None for as many as suit the device), and processes."""

    device: Device
    fuse: int | None
    processes: int


def chosen_compute(device: DeviceChoice, precision: PrecisionChoice, fuse: str, processes: int | None) -> Compute:
    """Return the device that was asked for, if it is there; one process for each core of a processor by default."""
    from offline.device import choose_device

    if fuse != "auto" and not (fuse.isdecimal() and int(fuse) >= 1):
        raise typer.BadParameter(f"{fuse!r} is neither auto nor a number from 1", param_hint="--fuse")
    chosen = choose_device(device.value, precision.value)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    at_once = processes or (cores if chosen.name == "cpu" else 1)
    return Compute(chosen, None if fuse == "auto" else int(fuse), at_once)
