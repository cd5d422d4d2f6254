"""From the words of a command line to settings. What no data could make right is wrong usage (exit code 2)."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import typer

from bci_app.errors import DependencyError
from offline.cli.options import ComputeOptions, DeviceChoice, DeviceOptions, PrecisionChoice, RunOptions

if TYPE_CHECKING:
    from pydantic import BaseModel

    from offline.device import Device
    from offline.presets import Preset
    from offline.run import RunSettings
    from offline.search.evolution import Evolution

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


def run_settings(options: RunOptions) -> RunSettings:
    """Return the settings of a run."""
    from offline.protocols import PROTOCOLS
    from offline.run import RunSettings

    preset = _changed_preset(options)
    protocols = (preset.protocol,) if options.protocol is None else names_by_commas(options.protocol) or ()
    return RunSettings(
        dataset=known_dataset(options.dataset),
        preset=preset,
        protocols=tuple(known(name, PROTOCOLS, "--protocol") for name in protocols),
        folds=options.folds,
        subjects=names_or_number(options.subjects),
        targets=names_by_commas(options.targets),
        seed=options.seed,
        threshold=options.threshold,
    )


def _changed_preset(options: RunOptions) -> Preset:
    """Return the preset with the settings that were asked for in place of those of the preset."""
    from offline.presets import Start

    base = _with_begun_strategy(options, known_preset(options.preset))
    recipe = _with_values(base.recipe, options.recipe, "--recipe")
    return base.model_copy(update={"recipe": recipe}).changed(
        epochs=options.epochs,
        generations=options.generations,
        finetune=options.finetune,
        networks=None if options.networks is None else options.networks.value,
        strategy=None if options.search is None else options.search.value,
        latency=options.latency,
        search_controls=_search_controls(options, base),
        search=_changed_search(options, base),
        start=None if options.from_ is None else Start.of(options.from_),
    )


def _with_begun_strategy(options: RunOptions, base: Preset) -> Preset:
    """Keep the search of a run that was begun in the folder, where none is named: the preset's may have changed since.

    Raises
    ------
    typer.BadParameter
        If a search is declined and something is asked of it.
    """
    from offline.run.folder import begun_settings

    of_a_search = {
        "--generations": options.generations,
        "--search-setting": options.search_setting,
        "--search-controls": options.search_controls,
        "--search-sample": options.search_sample,
        "--latency": options.latency,
    }
    asked = [name for name, value in of_a_search.items() if value]
    if options.search == "none" and asked:
        raise typer.BadParameter(f"nothing is searched, so leave out {', '.join(asked)}", param_hint="--search")
    begun = begun_settings(options.out) if options.search is None else None
    return base if begun is None else base.model_copy(update={"strategy": begun.preset.strategy})


def _changed_search(options: RunOptions, base: Preset) -> Evolution | None:
    """Return the search with the settings that were asked for; None if there are none."""
    if not options.search_setting:
        return None
    objective = _with_values(base.search.objective, options.search_setting, "--search-setting", beside=base.search)
    searched = _with_values(base.search, options.search_setting, "--search-setting", beside=objective)
    return searched.model_copy(update={"objective": objective})


def _search_controls(options: RunOptions, base: Preset) -> int | None:
    """Return how many subnets the ranking is checked on, 0 for no controls, None for what the preset says."""
    from offline.presets import SEARCH_SAMPLE

    if options.search_controls is None or options.search_sample:
        return options.search_sample
    return (base.search_controls or SEARCH_SAMPLE) if options.search_controls else 0


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
    from offline.datasets import DATASETS, is_accession, plain_name

    if not is_accession(plain := plain_name(name)):
        known(plain, DATASETS, "--dataset")
    return name


class Compute(NamedTuple):
    """Where to compute: device, networks trained together (None for as many as suit the device), and processes."""

    device: Device
    fuse: int | None
    processes: int


def chosen_compute(options: DeviceOptions) -> Compute:
    """Return the device that was asked for, if it is there; one process for each core of a processor by default."""
    fuse, processes = options.fuse if isinstance(options, ComputeOptions) else "1", options.processes
    if fuse != "auto" and not (fuse.isdecimal() and int(fuse) >= 1):
        raise typer.BadParameter(f"{fuse!r} is neither auto nor a number from 1", param_hint="--fuse")
    chosen = chosen_device(options.device, options.precision)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    at_once = processes or (cores if chosen.name == "cpu" else 1)
    return Compute(chosen, None if fuse == "auto" else int(fuse), at_once)


def chosen_device(device: DeviceChoice, precision: PrecisionChoice) -> Device:
    """Return the device that was asked for, if it is there."""
    from offline.device import choose_device

    return choose_device(device.value, precision.value)
