"""The command that fits and ships a model for any electrodes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from offline.cli.options import RootOption
from offline.cli.parsing import known_dataset, require_extra


def elastic(
    out: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of the bundle; its last part is the name.")],
    dataset: Annotated[str | None, typer.Option(help="Data set of rest and task; by default EEGMAT.")] = None,
    root: RootOption = None,
    seeds: Annotated[int, typer.Option(min=1, help="Partitions of the people into folds.")] = 5,
    note: Annotated[str, typer.Option(help="What else the card says, such as figures from other recordings.")] = "",
) -> None:
    """Fit a linear model that runs on any electrodes, score it for each headset, and write its bundle."""
    require_extra()
    from offline.cli.display import study_table
    from offline.datasets import DEFAULT, open_dataset
    from offline.elastic.shipping import run_study, ship_study
    from offline.elastic.study import ElasticSettings

    name = known_dataset(dataset or DEFAULT)
    opened = open_dataset(name, root)
    study = run_study(opened, ElasticSettings(seeds=seeds), progress=lambda text: print(text, file=sys.stderr))
    study_table(study)
    words = [
        "bci-offline",
        "elastic",
        out.name,
        "--dataset",
        name,
        "--seeds",
        str(seeds),
        *(["--note", note] if note else []),
    ]
    print(ship_study(study, opened, out, command=shlex.join(words), note=note).folder)
