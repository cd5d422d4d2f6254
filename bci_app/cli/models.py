"""Commands on models: `check` and `models`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bci_app.cli.options import JsonOption
from bci_app.errors import BundleError


def check(bundle: Annotated[str, typer.Argument(help="Folder or name of a bundle.")]) -> None:
    """Replay a bundle's golden record and compare."""
    from bci_app.bundle import find_bundle, load_bundle
    from bci_app.bundle.golden import check_bundle

    loaded = load_bundle(find_bundle(bundle))
    result = check_bundle(loaded)
    spec = loaded.spec
    print(f"{spec.name}: {spec.title}")
    print(f"{result.windows} windows agree; probabilities differ by at most {result.probability_error:.1e}")
    for score in spec.provenance.scores:
        print(f"{score.target}: balanced accuracy {score.balanced_accuracy:.2f}")
        if weakness := spec.weakness(score):
            print(f"  {weakness}")
        if score.answers:
            print(f"  {score.answers.describe()}")
        for line in score.controls.describe():
            print(f"  {line}")
        for attribution in spec.provenance.attributions:
            if attribution.target == score.target:
                print(f"  {attribution.describe()}")


def models(
    channels: Annotated[
        str | None, typer.Option(help="The stream's channels, or the name of a headset: TP9,AF7,AF8,TP10 or muse.")
    ] = None,
    rate: Annotated[float | None, typer.Option(min=1, help="The stream's rate in Hz.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of bundles, if not those that ship.")] = None,
    json_: JsonOption = False,
) -> None:
    """List models, whether they fit a stream, and what each was measured to reach with its electrodes."""
    from bci_app.bundle.fitting import fit_models
    from bci_app.montage.headsets import HEADSETS, montage_channels

    if folder is not None and not folder.is_dir():
        raise BundleError(
            f"There is no folder {folder}", expected="a folder that holds bundles", fix="Name another folder."
        )
    headset = HEADSETS.get((channels or "").strip().lower())
    if rate is None and headset is not None:
        rate = headset.rate
    found = fit_models(None if channels is None else montage_channels(channels), rate, folder)
    if json_:
        print(json.dumps([asdict(fit) for fit in found], indent=2, ensure_ascii=False))
        return
    for fit in found:
        score = "-" if fit.expected_balanced_accuracy is None else f"{fit.expected_balanced_accuracy:.2f}"
        verdict = "fits" if fit.fits else "does not fit"
        print(f"{fit.bundle:24} {verdict:13} {score:>5}  {len(fit.electrodes)} electrodes")
        if fit.reason:
            print(f"  {fit.reason}")
