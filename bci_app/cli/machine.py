"""Commands on this machine: `sources`, `doctor` and `bench`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from bci_app.cli.options import DEMO_BUNDLE, BundleOption, JsonOption, NetworkOption
from bci_app.cli.session_setup import keep_to_this_machine
from bci_app.text import printable


def sources(
    json_: JsonOption = False,
    network: NetworkOption = False,
) -> None:
    """List what samples can come from now."""
    from bci_app.sources.registry import list_sources

    if not network:
        keep_to_this_machine()
    found = list_sources()
    if json_:
        print(json.dumps([{"source": entry.text, "description": entry.description} for entry in found], indent=2))
        return
    rows = [(printable(entry.text), printable(entry.description)) for entry in found]
    width = max(len(text) for text, _ in rows)
    for text, description in rows:
        print(f"{text:<{width}}  {description}")


def doctor(json_: JsonOption = False) -> None:
    """Check this machine: libraries, display, streams."""
    from bci_app.doctor import examine

    keep_to_this_machine()
    findings = examine()
    if json_:
        print(json.dumps([{"name": f.name, "ok": f.ok, "detail": f.detail, "fix": f.fix} for f in findings], indent=2))
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = "ok  " if finding.ok else "FAIL" if finding.needed else "note"
            print(f"{mark}  {finding.name:<{width}}  {finding.detail}")
            if not finding.ok:
                print(f"{'':{width + 8}}{finding.fix}")
    if not all(finding.ok for finding in findings if finding.needed):
        raise typer.Exit(1)


def bench(
    bundle: BundleOption = DEMO_BUNDLE,
    seconds: Annotated[float, typer.Option(min=1.0, help="Measured time of each benchmark.")] = 20.0,
    memory: Annotated[
        bool, typer.Option("--memory", help="Also an hour of stream at 60 times its speed (one minute).")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Measure this machine: latency, processor share, memory."""
    from bci_app.bench import run_benchmarks
    from bci_app.bench.table import lines
    from bci_app.bundle import find_bundle, load_bundle

    keep_to_this_machine()
    loaded = load_bundle(find_bundle(bundle))
    report = run_benchmarks(
        loaded, seconds=seconds, memory=memory, progress=lambda text: print(f"Measuring {text} …", file=sys.stderr)
    )
    if json_:
        print(json.dumps(report.as_dict(), indent=2))
        return
    for line in lines(report):
        print(line)
