"""Commands that make a run: all of it, or one stage after the other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offline.cli.options import (
    BundleOptions,
    ComputeOptions,
    DeviceOptions,
    EngineChoice,
    RootOption,
    RunArgument,
    RunOptions,
    SeedsOption,
    with_option_groups,
)
from offline.cli.parsing import chosen_compute, known_baselines, require_extra, run_settings
from offline.cli.results import compare

if TYPE_CHECKING:
    from offline.run import RunSettings, Shipping
    from offline.run.experiment import Spread
    from offline.run.settings import Until


@with_option_groups
def run(options: RunOptions, bundle: BundleOptions, where: ComputeOptions, seeds: SeedsOption = 1) -> None:
    """Train, search, score on held-out data, export a bundle and write a report."""
    require_extra()
    chosen_compute(where)  # a device that is not there is refused before the data are read
    settings, shipping, baselines = run_settings(options), _shipping(bundle), known_baselines(bundle.baselines)
    if seeds == 1:
        execute(settings, options.out, where, root=options.root, shipping=shipping, baselines=baselines)
        return
    folders = [options.out / f"seed-{options.seed + number}" for number in range(seeds)]
    shared = replace(where, cache=where.cache or options.out / "windows")
    for number, folder in enumerate(folders):
        of_seed = run_settings(replace(options, seed=options.seed + number, out=folder))
        ships = shipping if number == 0 else replace(shipping, folder=None)  # one bundle for a folder that was named
        execute(of_seed, folder, shared, root=options.root, shipping=ships, baselines=baselines)
    compare(folders, options.out)


@with_option_groups
def sweep(
    options: RunOptions,
    where: DeviceOptions,
    engine: Annotated[EngineChoice, typer.Option(help="Processes of this machine, or a Ray cluster.")] = (
        EngineChoice.local
    ),
    address: Annotated[str | None, typer.Option(help="Address of the Ray cluster; a new local one if none.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Folder or URL that all machines can write to; OUT-jobs if none.")
    ] = None,
) -> None:
    """Do a run with its networks as jobs on many machines; jobs that are finished are skipped, others continue."""
    require_extra()
    compute = chosen_compute(where)
    from offline.sweep import ENGINES, Sweep

    out = options.out
    jobs = Sweep(ENGINES[engine.value](compute.processes, address), store or str(out.with_name(f"{out.name}-jobs")))
    execute(run_settings(options), out, where, root=options.root, spread=jobs)


@with_option_groups
def train(options: RunOptions, where: ComputeOptions) -> None:
    """Train the supernets of a run and stop; `search` and `export` go on with it, with the settings given here."""
    require_extra()
    execute(run_settings(options), options.out, where, root=options.root, until="training")
    print(f"trained; go on with: bci-offline search {options.out}")


@with_option_groups
def search(run_folder: RunArgument, where: ComputeOptions, root: RootOption = None) -> None:
    """Search the trained supernets of a run and stop."""
    require_extra()
    from offline.run import read_settings

    settings = read_settings(run_folder)
    execute(settings, run_folder, where, root=root, until="search")
    done = "searched" if settings.preset.searched else "there is nothing to search"
    print(f"{done}; go on with: bci-offline export {run_folder}")


@with_option_groups
def export(run_folder: RunArgument, bundle: BundleOptions, where: ComputeOptions, root: RootOption = None) -> None:
    """Bring a run to its end: fine-tuning, scores, bundle and report."""
    require_extra()
    from offline.run import read_settings

    settings, baselines = read_settings(run_folder), known_baselines(bundle.baselines)
    execute(settings, run_folder, where, root=root, shipping=_shipping(bundle), baselines=baselines)


def _shipping(options: BundleOptions) -> Shipping:
    from offline.run import Shipping

    return Shipping(options.export, options.name, int8=options.int8, bad_channels=options.bad_channels)


def execute(
    settings: RunSettings,
    out: Path,
    where: DeviceOptions,
    *,
    root: Path | None,
    spread: Spread | None = None,
    until: Until = "end",
    shipping: Shipping | None = None,
    baselines: Sequence[str] = (),
) -> None:
    """Continue a run from where it is to where it shall stop, and show its progress."""
    compute = chosen_compute(where)
    from offline.cli.display import RunDisplay, run_tables
    from offline.report import write_report
    from offline.run import run as run_all

    print(f"search: {settings.preset.search_in_words}")
    try:
        with RunDisplay() as display:
            result = run_all(
                settings,
                out,
                root=root,
                shipping=shipping,
                baselines=baselines,
                cache=where.cache,
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
