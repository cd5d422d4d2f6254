"""The command line of the offline side: one thin handler a command; heavy imports stand inside the handlers."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bci_app.command_line import run_command_line
from bci_app.errors import DependencyError, FileError
from offline.options import (
    BadChannelsOption,
    CacheOption,
    DatasetOption,
    EpochsOption,
    ExportOption,
    FinetuneOption,
    FoldsOption,
    GenerationsOption,
    Int8Option,
    LatencyOption,
    NameOption,
    NetworksChoice,
    NetworksOption,
    OutOption,
    PresetOption,
    ProcessesOption,
    ProtocolOption,
    RecipeOption,
    RootOption,
    RunArgument,
    SearchChoice,
    SearchOption,
    SearchSettingOption,
    SeedOption,
    SubjectsOption,
    TargetsOption,
    ThresholdOption,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

    from offline.presets import Preset
    from offline.run import RunSettings, Shipping
    from offline.run.settings import Until

app = typer.Typer(
    help="From labelled EEG to a bundle: supernet training, architecture search, export.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

Settings = TypeVar("Settings", bound="BaseModel")

_EXTRA = ("torch", "onnx", "pymoo", "safetensors", "sklearn")


def main() -> None:
    """Run the command line; a failure is one message and exit code 1."""
    run_command_line("bci-offline", app)


def _need_extra() -> None:
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise DependencyError(
            "The offline side is not installed",
            found=f"no {', '.join(missing)}",
            expected="the extra 'offline'",
            fix="Install it: pip install 'bci-app[offline]'.",
        )


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _subjects(text: str | None) -> tuple[str, ...] | int | None:
    """Give names by commas, or how many."""
    chosen = int(text) if text is not None and text.strip().isdecimal() else _names(text)
    if chosen is not None and not chosen:
        raise typer.BadParameter("name subjects, or say how many (1 at least)", param_hint="--subjects")
    return chosen


@app.callback()
def _root() -> None:
    """From labelled EEG to a bundle: supernet training, architecture search, export."""


@app.command()
def datasets(
    root: Annotated[
        Path | None, typer.Option(help="Folder to look in, for files or for a subfolder a data set.")
    ] = None,
) -> None:
    """List the data sets: what to obtain, from whom, under what terms, and whether it is there."""
    from offline.datasets import list_datasets
    from offline.display import datasets_table

    datasets_table(list_datasets(root))


@app.command()
def synth(
    kind: Annotated[str, typer.Argument(help="Format: deap, dreamer or seed.")],
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    subjects: Annotated[int, typer.Option(min=1, help="Number of subjects.")] = 2,
    trials: Annotated[int, typer.Option(min=2, help="Trials a subject (and session).")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="The only source of randomness.")] = 0,
) -> None:
    """Write synthetic EEG with a planted label effect, in the files of a data set."""
    from offline.datasets.synth import synth as make
    from offline.display import bar

    with bar("subjects") as progress:
        paths = make(kind, folder, subjects=subjects, trials=trials, seed=seed, progress=progress)
    names = ", ".join(str(path.relative_to(folder)) for path in paths)
    print(f"{names} in {folder}, marked as synthetic: a model trained on them knows nothing about people")


@app.command()
def space(
    preset: Annotated[str, typer.Option(help="paper or compact")] = "paper",
) -> None:
    """Count the subnets of a search space and show its corners."""
    _need_extra()
    from offline.supernet.model import count_parameters

    chosen = _preset(preset).space
    print(f"{chosen.count()} subnets of {chosen.depths[0]} to {chosen.depths[-1]} layers")
    for depth in chosen.depths:
        print(f"{chosen.count(depth=depth)} of depth {depth}")
    print(f"embedding {', '.join(map(str, chosen.embed_dims))}")
    print(f"heads {', '.join(map(str, chosen.heads))} and MLP ratios {', '.join(map(str, chosen.mlp_ratios))} a layer")
    for name, arch in (("smallest", chosen.smallest), ("largest", chosen.largest)):
        parameters = count_parameters(arch, n_channels=32, n_features=128, class_counts=(2,))
        print(f"{name}: {parameters} parameters at 32 channels of 128 features")


@app.command()
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
    export: ExportOption = None,
    name: NameOption = None,
    int8: Int8Option = False,
    bad_channels: BadChannelsOption = False,
    cache: CacheOption = None,
    processes: ProcessesOption = None,
) -> None:
    """Train, search, score on held-out data, export a bundle and write a report."""
    _need_extra()
    from offline.run import Shipping

    chosen = _changed(
        preset, recipe, search_setting, epochs=epochs, generations=generations, finetune=finetune, networks=networks,
        search=search, latency=latency,
    )  # fmt: skip
    settings = _settings(
        chosen, dataset, protocol, folds=folds, subjects=subjects, targets=targets, seed=seed, threshold=threshold
    )
    shipping = Shipping(export, name, int8=int8, bad_channels=bad_channels)
    _go(settings, out, root=root, cache=cache, processes=processes, shipping=shipping)


@app.command()
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
) -> None:
    """Train the supernets of a run and stop; `search` and `export` go on with it, with the settings given here."""
    _need_extra()
    chosen = _changed(
        preset, recipe, search_setting, epochs=epochs, generations=generations, finetune=finetune, networks=networks,
        search=search, latency=latency,
    )  # fmt: skip
    settings = _settings(
        chosen, dataset, protocol, folds=folds, subjects=subjects, targets=targets, seed=seed, threshold=threshold
    )
    _go(settings, out, root=root, cache=cache, processes=processes, until="training")
    print(f"trained; go on with: bci-offline search {out}")


@app.command()
def search(
    run_folder: RunArgument,
    root: RootOption = None,
    cache: CacheOption = None,
    processes: ProcessesOption = None,
) -> None:
    """Search the trained supernets of a run and stop."""
    _need_extra()
    from offline.run import read_settings

    _go(read_settings(run_folder), run_folder, root=root, cache=cache, processes=processes, until="search")
    print(f"searched; go on with: bci-offline export {run_folder}")


@app.command()
def export(
    run_folder: RunArgument,
    root: RootOption = None,
    export: ExportOption = None,
    name: NameOption = None,
    int8: Int8Option = False,
    bad_channels: BadChannelsOption = False,
    cache: CacheOption = None,
    processes: ProcessesOption = None,
) -> None:
    """Bring a run to its end: fine-tuning, scores, bundle and report."""
    _need_extra()
    from offline.run import Shipping, read_settings

    shipping = Shipping(export, name, int8=int8, bad_channels=bad_channels)
    _go(read_settings(run_folder), run_folder, root=root, cache=cache, processes=processes, shipping=shipping)


@app.command()
def report(run_folder: RunArgument) -> None:
    """Write the report of a finished run: one HTML file and a JSON."""
    _need_extra()
    from offline.report import write_report

    print(write_report(run_folder).html)


@app.command()
def evaluate(
    bundle: Annotated[str, typer.Argument(help="Folder of a bundle, or the name of one that ships.")],
    dataset: DatasetOption = "eegmat",
    file: Annotated[Path | None, typer.Option(help="For eegmat: npz shaped like the embedded sample.")] = None,
    root: RootOption = None,
    subjects: SubjectsOption = None,
    threshold: ThresholdOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Score a bundle on labelled recordings as a live session would meet them."""
    if file is not None and (root is not None or dataset != "eegmat"):
        raise typer.BadParameter("it is for eegmat, and instead of --root", param_hint="--file")
    if file is not None and not file.is_file():
        raise FileError(f"There is no file {file}", expected="an npz shaped like the embedded sample")
    from bci_app.bundle import find_bundle, load_bundle
    from offline.datasets import DATASETS, Threshold, open_dataset
    from offline.run.evaluate import LEAST_SUBJECTS, evaluate_reference
    from offline.run.evaluate import evaluate as score

    limit = None if threshold is None else Threshold.parse(threshold)
    opened = open_dataset(_known(dataset, DATASETS, "--dataset"), file or root, threshold=limit)
    loaded = load_bundle(find_bundle(bundle))
    wanted = _subjects(subjects)
    chosen = opened.subjects()[:wanted] if isinstance(wanted, int) else wanted
    results = score(loaded, opened, subjects=chosen)
    if met := sorted(set(loaded.spec.provenance.train_subjects) & set(results[0].subjects)):
        print(
            f"{len(met)} of {len(results[0].subjects)} subjects have names that are among those of its training: "
            "where they are the same people, this is no test",
            file=sys.stderr,
        )
    if as_json:
        print(json.dumps(results[0].as_json() if len(results) == 1 else {r.target: r.as_json() for r in results}))
    else:
        from offline.display import evaluation_table

        referenced = dataset == "eegmat" and len(results[0].subjects) >= LEAST_SUBJECTS
        evaluation_table(results, evaluate_reference(loaded, opened, results) if referenced else ())


def _settings(
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
    from offline.datasets import DATASETS
    from offline.protocols import PROTOCOLS
    from offline.run import RunSettings

    protocols = (preset.protocol,) if protocol is None else _names(protocol) or ()
    return RunSettings(
        dataset=_known(dataset, DATASETS, "--dataset"),
        preset=preset,
        protocols=tuple(_known(name, PROTOCOLS, "--protocol") for name in protocols),
        folds=folds,
        subjects=_subjects(subjects),
        targets=_names(targets),
        seed=seed,
        threshold=threshold,
    )


def _go(
    settings: RunSettings,
    out: Path,
    *,
    root: Path | None,
    cache: Path | None,
    processes: int | None,
    until: Until = "end",
    shipping: Shipping | None = None,
) -> None:
    """Run with a display, from where it is to where it shall stop."""
    from offline.display import RunDisplay, run_tables
    from offline.report import write_report
    from offline.run import run as run_all

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with RunDisplay() as display:
            result = run_all(
                settings,
                out,
                root=root,
                shipping=shipping,
                cache=cache,
                processes=processes or cores,
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


def _changed(
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
    """Give a preset with the other settings that were asked for."""
    base = _preset(preset)
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
    """Give settings with other values, each as ``NAME=VALUE``; names of those `beside` are left to these."""
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


def _preset(name: str) -> Preset:
    from offline.presets import PRESETS

    return PRESETS[_known(name, PRESETS, "--preset")]


def _known(name: str, known: Iterable[str], option: str) -> str:
    """Give a name back if it is known; another one is wrong usage, as is all that no data could make right."""
    if name not in known:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}", param_hint=option)
    return name
