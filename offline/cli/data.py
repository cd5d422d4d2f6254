"""Commands about data sets: what there is, downloads, and synthetic files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bci_app.errors import DatasetError

datasets = typer.Typer(invoke_without_command=True, help="List the data sets, or download one.", rich_markup_mode=None)


@datasets.callback()
def list_all(
    context: typer.Context,
    root: Annotated[
        Path | None, typer.Option(help="Folder to look in, for files or for one subfolder per data set.")
    ] = None,
) -> None:
    """List the data sets: what to obtain, from whom, under what terms, and whether it is there."""
    if context.invoked_subcommand is not None:
        return
    from offline.cli.display import datasets_table
    from offline.datasets import list_datasets

    datasets_table(list_datasets(root))


@datasets.command()
def get(
    name: Annotated[
        str,
        typer.Argument(help="Name of a data set, or an accession number of OpenNeuro or NEMAR (ds002721)."),
    ],
    root: Annotated[Path | None, typer.Option(help="Folder for its files; the folder of downloads if none.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Only list what is missing.")] = False,
) -> None:
    """Download a data set whose licence allows it. The same command goes on where a download broke off."""
    from offline.cli.display import download_bar
    from offline.datasets.downloads import download, find_missing
    from offline.datasets.files import data_folder
    from offline.datasets.registry import DATASETS, find_archive

    archive, folder = find_archive(name), root or data_folder(name)
    if offline:
        missing, n_files = find_missing(archive, folder)
        if missing:
            raise DatasetError(
                f"{len(missing)} of {n_files} files of {name} are missing in {folder}",
                found=f"no {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}",
                fix=f"Run without --offline: bci-offline datasets get {name}",
            )
        print(f"all {n_files} files of {name} are in {folder}")
        return
    if name in DATASETS:
        info = DATASETS[name].info
        print(f"{info.title}\nfrom {info.source}\nterms: {info.licence}")
    with download_bar() as on_progress:
        done = download(archive, folder, on_progress)
    print(f"{done.n_files} files of {name}, {done.n_bytes / 1e6:.1f} MB, in {done.folder}")


def synth(
    kind: Annotated[str, typer.Argument(help="Format: deap, dreamer or seed.")],
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    subjects: Annotated[int, typer.Option(min=1, help="Number of subjects.")] = 2,
    trials: Annotated[int, typer.Option(min=2, help="Trials per subject (and session).")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="The only source of randomness.")] = 0,
    effect: Annotated[
        float | None,
        typer.Option(min=0, help="Of emotion, in standard deviations of log band power; 0 for none."),
    ] = None,
) -> None:
    """Write synthetic EEG with a planted effect of emotion, in the files of a data set."""
    from offline.cli.display import bar
    from offline.datasets.synth import EFFECT
    from offline.datasets.synth import synth as make

    with bar("subjects") as progress:
        paths = make(
            kind,
            folder,
            subjects=subjects,
            trials=trials,
            seed=seed,
            effect=EFFECT if effect is None else effect,
            progress=progress,
        )
    names = ", ".join(str(path.relative_to(folder)) for path in paths)
    print(f"{names} in {folder}, marked as synthetic: a model trained on them knows nothing about people")
