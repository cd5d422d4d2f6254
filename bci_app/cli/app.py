"""The command `bci-app`: every command, in the order of the help page.

A command is a function in one of the modules beside this one, and one entry of `COMMANDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from bci_app import __version__
from bci_app.cli.machine import bench, doctor, sources
from bci_app.cli.models import check, models
from bci_app.cli.output_options import with_outputs
from bci_app.cli.recordings import export, info, replay, report
from bci_app.cli.sessions import record, run
from bci_app.cli.studies import learn, study, verify
from bci_app.cli.window import demo, gui
from bci_app.command_line import run_command_line

COMMANDS: tuple[Callable[..., None], ...] = (
    demo,
    gui,
    run,
    record,
    study,
    learn,
    verify,
    report,
    export,
    replay,
    sources,
    info,
    models,
    check,
    doctor,
    bench,
)


def make_app() -> typer.Typer:
    """Put all commands together, with an option for each kind of output that there is."""
    app = typer.Typer(
        help="Live EEG: from a headset, a stream or a recording to predictions that can be trusted.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    for command in COMMANDS:
        app.command()(with_outputs(command))
    return app


def main() -> None:
    """Run the command line. A failure is one message and exit code 1."""
    run_command_line("bci-app", make_app())


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"bci-app {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Live EEG: from a headset, a stream or a recording to predictions that can be trusted."""
