"""The command line of the offline side: one thin handler a command; heavy imports stand inside the handlers."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bci_app.errors import BciError, DependencyError

if TYPE_CHECKING:
    from offline.presets import Preset

app = typer.Typer(
    help="From labelled EEG to a bundle: supernet training, architecture search, export.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

_EXTRA = ("torch", "onnx", "pymoo", "safetensors", "sklearn")

OutOption = Annotated[Path, typer.Option("--out", help="Folder of the run; the same command goes on with it.")]


def main() -> None:
    """Run the command line; a failure is one message and exit code 1."""
    try:
        app()
    except BciError as error:
        print(f"bci-offline: {error}", file=sys.stderr)
        sys.exit(1)


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
    dataset: Annotated[str, typer.Option(help="Name of the data set.")],
    out: OutOption,
    preset: Annotated[str, typer.Option(help="paper or compact")] = "compact",
    root: Annotated[Path | None, typer.Option(help="Folder of the data set; eegmat brings a sample along.")] = None,
    protocol: Annotated[str | None, typer.Option(help="Protocol of the splits; the preset's by default.")] = None,
    folds: Annotated[
        int | None, typer.Option(min=1, help="Folds; the preset's by default. 1 runs the first of them only.")
    ] = None,
    subjects: Annotated[str | None, typer.Option(help="Subjects, by commas; all by default.")] = None,
    targets: Annotated[str | None, typer.Option(help="Targets, by commas; all by default.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of training; the preset's by default.")] = None,
    generations: Annotated[
        int | None, typer.Option(min=1, help="Generations of the search; the preset's by default.")
    ] = None,
    finetune: Annotated[
        int | None, typer.Option(min=0, help="Epochs of fine-tuning the found subnet; the preset's by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The only source of randomness.")] = 0,
    export: Annotated[Path | None, typer.Option(help="Folder of the bundle; OUT/bundle by default.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the bundle.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Folds at once; one a core by default.")] = None,
) -> None:
    """Train, search, score on held-out data, and export a bundle."""
    _need_extra()
    from offline.display import RunDisplay
    from offline.run import RunSettings
    from offline.run import run as run_all

    settings = RunSettings(
        dataset=dataset,
        preset=_preset(preset).changed(epochs=epochs, generations=generations, finetune=finetune),
        protocol=protocol or _preset(preset).protocol,
        folds=folds,
        subjects=_names(subjects),
        targets=_names(targets),
        seed=seed,
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with RunDisplay() as display:
        result = run_all(
            settings,
            out,
            root=root,
            bundle=export,
            name=name,
            processes=processes or cores,
            report=display.fold,
            on_windows=display.windows,
            on_stage=display.stage,
        )
    display.table(result)


def _preset(name: str) -> Preset:
    from offline.presets import PRESETS

    if name not in PRESETS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(PRESETS)}", param_hint="--preset")
    return PRESETS[name]
