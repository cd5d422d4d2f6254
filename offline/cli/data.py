"""Commands about data sets: what there is, and synthetic files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def datasets(
    root: Annotated[
        Path | None, typer.Option(help="Folder to look in, for files or for one subfolder per data set.")
    ] = None,
) -> None:
    """List the data sets: what to obtain, from whom, under what terms, and whether it is there."""
    from offline.cli.display import datasets_table
    from offline.datasets import list_datasets

    datasets_table(list_datasets(root))


def synth(
    kind: Annotated[str, typer.Argument(help="Format: deap, dreamer or seed.")],
    folder: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    subjects: Annotated[int, typer.Option(min=1, help="Number of subjects.")] = 2,
    trials: Annotated[int, typer.Option(min=2, help="Trials per subject (and session).")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="The only source of randomness.")] = 0,
) -> None:
    """Write synthetic EEG with a planted label effect, in the files of a data set."""
    from offline.cli.display import bar
    from offline.datasets.synth import synth as make

    with bar("subjects") as progress:
        paths = make(kind, folder, subjects=subjects, trials=trials, seed=seed, progress=progress)
    names = ", ".join(str(path.relative_to(folder)) for path in paths)
    print(f"{names} in {folder}, marked as synthetic: a model trained on them knows nothing about people")
