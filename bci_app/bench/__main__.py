"""The processes of a benchmark: ``python -m bci_app.bench JOB`` with its settings as JSON on standard input."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from bci_app.errors import BciError


def _send(settings: dict[str, Any]) -> None:
    from bci_app.bench.load import Load, send

    source_id = settings.pop("source_id")
    send(Load(**settings | {"channels": tuple(settings["channels"])}), source_id)


def _session(settings: dict[str, Any]) -> object:
    from bci_app.bench.session import measure_session, with_predictions_per_second
    from bci_app.bundle import load_bundle
    from bci_app.sources.lsl.library import use_loopback
    from bci_app.sources.registry import open_source

    use_loopback()
    loaded = with_predictions_per_second(load_bundle(settings["bundle"]), settings["predictions_per_s"])
    return asdict(measure_session(open_source(settings["source"]), loaded, settings["seconds"]))


def _memory(settings: dict[str, Any]) -> object:
    from bci_app.bench.session import measure_memory
    from bci_app.bundle import load_bundle

    loaded = load_bundle(settings.pop("bundle"))
    return asdict(measure_memory(loaded, **settings))


def _peer(settings: dict[str, Any]) -> object:
    from bci_app.bench.peer import measure_peer

    return asdict(measure_peer(settings.pop("source_id"), **settings | {"band": tuple(settings["band"])}))


def main() -> None:
    """Do one job; figures go to standard output as JSON, a failure to standard error."""
    settings = json.loads(sys.stdin.readline())
    try:
        if sys.argv[1] == "send":
            _send(settings)
        else:
            figures = {"session": _session, "memory": _memory, "peer": _peer}[sys.argv[1]](settings)
            sys.stdout.write(json.dumps(figures) + "\n")
    except BciError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
