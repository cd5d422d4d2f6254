"""Commands that look at what is finished: the report of a run, the score of a bundle."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bci_app.errors import FileError
from offline.cli.options import (
    DeviceChoice,
    DeviceOption,
    PrecisionChoice,
    PrecisionOption,
    RootOption,
    RunArgument,
    SubjectsOption,
    ThresholdOption,
)
from offline.cli.parsing import known_dataset, names_or_number, require_extra


def report(run_folder: RunArgument) -> None:
    """Write the report of a finished run: one HTML file and a JSON."""
    require_extra()
    from offline.report import write_report

    print(write_report(run_folder).html)


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.")],
    out: Annotated[Path, typer.Option(help="Folder for compare.html and compare.csv.")] = Path(),
) -> None:
    """Set finished runs, their methods and data sets side by side, with tests over people: HTML and CSV."""
    require_extra()
    from offline.cli.display import comparison_table
    from offline.compare import write_comparison

    written = write_comparison(runs, out)
    comparison_table(written.tables)
    print(written.html)
    print(written.csv)


def evaluate(
    bundle: Annotated[str, typer.Argument(help="Folder of a bundle, or the name of one that ships.")],
    dataset: Annotated[str | None, typer.Option(help="Name of the data set; by default that of mental-load.")] = None,
    file: Annotated[Path | None, typer.Option(help="One file that holds the data set, instead of --root.")] = None,
    root: RootOption = None,
    subjects: SubjectsOption = None,
    threshold: ThresholdOption = None,
    device: DeviceOption = DeviceChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Score a bundle on labelled recordings through the code of a live session."""
    if file is not None and root is not None:
        raise typer.BadParameter("name either a file or a folder (--root)", param_hint="--file")
    if file is not None and not file.is_file():
        raise FileError(f"There is no file {file}", expected="a file that holds the data set")
    from bci_app.bundle import find_bundle, load_bundle
    from offline.datasets import DEFAULT, Threshold, open_dataset
    from offline.device import onnx_provider
    from offline.run.evaluate import LEAST_SUBJECTS, evaluate_reference
    from offline.run.evaluate import evaluate as score

    provider = onnx_provider(device.value, precision.value)
    limit = None if threshold is None else Threshold.parse(threshold)
    opened = open_dataset(known_dataset(dataset or DEFAULT), file or root, threshold=limit)
    loaded = load_bundle(find_bundle(bundle))
    wanted = names_or_number(subjects)
    chosen = opened.subjects()[:wanted] if isinstance(wanted, int) else wanted
    results = score(loaded, opened, subjects=chosen, provider=provider)
    if trained_on := sorted(set(loaded.spec.provenance.train_subjects) & set(results[0].subjects)):
        print(
            f"{len(trained_on)} of {len(results[0].subjects)} subjects have names that are among those of its "
            "training: where they are the same people, this is no test",
            file=sys.stderr,
        )
    if as_json:
        print(json.dumps(results[0].as_json() if len(results) == 1 else {r.target: r.as_json() for r in results}))
    else:
        from offline.cli.display import evaluation_table

        referenced = len(results[0].subjects) >= LEAST_SUBJECTS
        evaluation_table(results, evaluate_reference(loaded, opened, results) if referenced else ())
