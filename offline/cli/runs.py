"""Commands that make a run: all of it, or one stage after the other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offline.cli.options import (
    BadChannelsOption,
    BaselinesOption,
    CacheOption,
    DatasetOption,
    DeviceChoice,
    DeviceOption,
    EngineChoice,
    EpochsOption,
    ExportOption,
    FinetuneOption,
    FoldsOption,
    FuseOption,
    GenerationsOption,
    Int8Option,
    LatencyOption,
    NameOption,
    NetworksOption,
    OutOption,
    PrecisionChoice,
    PrecisionOption,
    PresetOption,
    ProcessesOption,
    ProtocolOption,
    RecipeOption,
    RootOption,
    RunArgument,
    SearchOption,
    SearchSettingOption,
    SeedOption,
    SeedsOption,
    SubjectsOption,
    TargetsOption,
    ThresholdOption,
)
from offline.cli.parsing import changed_preset, chosen_compute, known_baselines, require_extra, run_settings
from offline.cli.results import compare

if TYPE_CHECKING:
    from offline.cli.parsing import Compute
    from offline.run import RunSettings, Shipping
    from offline.run.experiment import Spread
    from offline.run.settings import Until


def run(
    dataset: DatasetOption,
    out: OutOption,
    preset: PresetOption = "compact",
    root: RootOption = None,
    protocol: ProtocolOption = None,
    folds: FoldsOption = None,
    subjects: SubjectsOption = None,
    targets: TargetsOption = None,
    threshold: ThresholdOption = None,
    epochs: EpochsOption = None,
    recipe: RecipeOption = None,
    generations: GenerationsOption = None,
    finetune: FinetuneOption = None,
    networks: NetworksOption = None,
    search: SearchOption = None,
    search_setting: SearchSettingOption = None,
    latency: LatencyOption = False,
    seed: SeedOption = 0,
    seeds: SeedsOption = 1,
    export: ExportOption = None,
    name: NameOption = None,
    int8: Int8Option = False,
    bad_channels: BadChannelsOption = False,
    baselines: BaselinesOption = None,
    cache: CacheOption = None,
    processes: ProcessesOption = None,
    device: DeviceOption = DeviceChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
    fuse: FuseOption = "auto",
) -> None:
    """Train, search, score on held-out data, export a bundle and write a report."""
    require_extra()
    compute = chosen_compute(device, precision, fuse, processes)
    from offline.run import Shipping

    chosen = changed_preset(
        preset, recipe, search_setting, epochs=epochs, generations=generations, finetune=finetune, networks=networks,
        search=search, latency=latency,
    )  # fmt: skip
    settings = run_settings(
        chosen, dataset, protocol, folds=folds, subjects=subjects, targets=targets, seed=seed, threshold=threshold
    )
    compared, shipping = known_baselines(baselines), Shipping(export, name, int8=int8, bad_channels=bad_channels)
    if seeds == 1:
        _execute(
            settings,
            out,
            root=root,
            cache=cache,
            compute=compute,
            shipping=shipping,
            baselines=compared,
        )
        return
    folders = [out / f"seed-{seed + number}" for number in range(seeds)]
    for number, folder in enumerate(folders):
        of_seed = settings.model_copy(update={"seed": seed + number})
        ships = shipping if number == 0 else replace(shipping, folder=None)  # one bundle for a folder that was named
        kept = cache or out / "windows"
        _execute(
            of_seed,
            folder,
            root=root,
            cache=kept,
            compute=compute,
            shipping=ships,
            baselines=compared,
        )
    compare(folders, out)


def sweep(
    dataset: DatasetOption,
    out: OutOption,
    preset: PresetOption = "compact",
    root: RootOption = None,
    protocol: ProtocolOption = None,
    folds: FoldsOption = None,
    subjects: SubjectsOption = None,
    targets: TargetsOption = None,
    threshold: ThresholdOption = None,
    epochs: EpochsOption = None,
    recipe: RecipeOption = None,
    generations: GenerationsOption = None,
    finetune: FinetuneOption = None,
    seed: SeedOption = 0,
    engine: Annotated[EngineChoice, typer.Option(help="Processes of this machine, or a Ray cluster.")] = (
        EngineChoice.local
    ),
    address: Annotated[str | None, typer.Option(help="Address of the Ray cluster; a new local one if none.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Folder or URL that all machines can write to; OUT-jobs if none.")
    ] = None,
    cache: CacheOption = None,
    processes: ProcessesOption = None,
    device: DeviceOption = DeviceChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
) -> None:
    """Do a run with its networks as jobs on many machines; jobs that are finished are skipped, others continue."""
    require_extra()
    compute = chosen_compute(device, precision, "auto", processes)
    from offline.run import Shipping
    from offline.sweep import ENGINES, Sweep

    chosen = changed_preset(
        preset, recipe, None, epochs=epochs, generations=generations, finetune=finetune, networks=None, search=None,
        latency=False,
    )  # fmt: skip
    settings = run_settings(
        chosen, dataset, protocol, folds=folds, subjects=subjects, targets=targets, seed=seed, threshold=threshold
    )
    jobs = Sweep(ENGINES[engine.value](compute.processes, address), store or str(out.with_name(f"{out.name}-jobs")))
    _execute(settings, out, root=root, cache=cache, compute=compute, shipping=Shipping(), spread=jobs)


def train(
    dataset: DatasetOption,
    out: OutOption,
    preset: PresetOption = "compact",
    root: RootOption = None,
    protocol: ProtocolOption = None,
    folds: FoldsOption = None,
    subjects: SubjectsOption = None,
    targets: TargetsOption = None,
    threshold: ThresholdOption = None,
    epochs: EpochsOption = None,
    recipe: RecipeOption = None,
    generations: GenerationsOption = None,
    finetune: FinetuneOption = None,
    networks: NetworksOption = None,
    search: SearchOption = None,
    search_setting: SearchSettingOption = None,
    latency: LatencyOption = False,
    seed: SeedOption = 0,
    cache: CacheOption = None,
    processes: ProcessesOption = None,
    device: DeviceOption = DeviceChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
    fuse: FuseOption = "auto",
) -> None:
    """Train the supernets of a run and stop; `search` and `export` go on with it, with the settings given here."""
    require_extra()
    compute = chosen_compute(device, precision, fuse, processes)
    chosen = changed_preset(
        preset, recipe, search_setting, epochs=epochs, generations=generations, finetune=finetune, networks=networks,
        search=search, latency=latency,
    )  # fmt: skip
    settings = run_settings(
        chosen, dataset, protocol, folds=folds, subjects=subjects, targets=targets, seed=seed, threshold=threshold
    )
    _execute(settings, out, root=root, cache=cache, compute=compute, until="training")
    print(f"trained; go on with: bci-offline search {out}")


def search(
    run_folder: RunArgument,
    root: RootOption = None,
    cache: CacheOption = None,
    processes: ProcessesOption = None,
    device: DeviceOption = DeviceChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
    fuse: FuseOption = "auto",
) -> None:
    """Search the trained supernets of a run and stop."""
    require_extra()
    compute = chosen_compute(device, precision, fuse, processes)
    from offline.run import read_settings

    _execute(
        read_settings(run_folder),
        run_folder,
        root=root,
        cache=cache,
        compute=compute,
        until="search",
    )
    print(f"searched; go on with: bci-offline export {run_folder}")


def export(
    run_folder: RunArgument,
    root: RootOption = None,
    export: ExportOption = None,
    name: NameOption = None,
    int8: Int8Option = False,
    bad_channels: BadChannelsOption = False,
    baselines: BaselinesOption = None,
    cache: CacheOption = None,
    processes: ProcessesOption = None,
    device: DeviceOption = DeviceChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
    fuse: FuseOption = "auto",
) -> None:
    """Bring a run to its end: fine-tuning, scores, bundle and report."""
    require_extra()
    compute = chosen_compute(device, precision, fuse, processes)
    from offline.run import Shipping, read_settings

    settings, compared = read_settings(run_folder), known_baselines(baselines)
    shipping = Shipping(export, name, int8=int8, bad_channels=bad_channels)
    _execute(
        settings,
        run_folder,
        root=root,
        cache=cache,
        compute=compute,
        shipping=shipping,
        baselines=compared,
    )


def _execute(
    settings: RunSettings,
    out: Path,
    *,
    root: Path | None,
    cache: Path | None,
    compute: Compute,
    spread: Spread | None = None,
    until: Until = "end",
    shipping: Shipping | None = None,
    baselines: Sequence[str] = (),
) -> None:
    """Continue a run from where it is to where it shall stop, and show its progress."""
    from offline.cli.display import RunDisplay, run_tables
    from offline.report import write_report
    from offline.run import run as run_all

    try:
        with RunDisplay() as display:
            result = run_all(
                settings,
                out,
                root=root,
                shipping=shipping,
                baselines=baselines,
                cache=cache,
                processes=compute.processes,
                device=compute.device,
                fuse=compute.fuse,
                spread=spread,
                until=until,
                watch=display,
            )
    except KeyboardInterrupt:
        print("bci-offline: stopped; the same command goes on where it was", file=sys.stderr)
        raise
    if result is not None:
        run_tables(result.record)
        print(f"bundle: {result.bundle.folder}")
        print(f"report: {write_report(out).html}")
