"""Commands on models: `check`."""

from __future__ import annotations

from typing import Annotated

import typer


def check(bundle: Annotated[str, typer.Argument(help="Folder or name of a bundle.")]) -> None:
    """Replay a bundle's golden record and compare."""
    from bci_app.bundle import find_bundle, load_bundle
    from bci_app.bundle.golden import check_bundle

    loaded = load_bundle(find_bundle(bundle))
    result = check_bundle(loaded)
    spec = loaded.spec
    print(f"{spec.name}: {spec.title}")
    print(f"{result.windows} windows agree; probabilities differ by at most {result.probability_error:.1e}")
