"""The command line of the offline side: one module for each group of commands.

A handler stays thin. Heavy imports stand inside the handlers, so that ``bci-offline --help`` answers at once.
"""

from __future__ import annotations

import typer

from bci_app.command_line import run_command_line
from offline.cli.data import datasets, synth
from offline.cli.elastic import elastic
from offline.cli.emotion import emotion
from offline.cli.network import bench, space
from offline.cli.results import compare, evaluate, report
from offline.cli.runs import export, run, search, sweep, train

GROUPS = {"datasets": datasets}
"""Commands that have subcommands."""

COMMANDS = (synth, space, run, sweep, train, search, export, elastic, emotion, report, compare, evaluate, bench)
"""Every other command, in the order of the help."""

app = typer.Typer(
    help="From labelled EEG to a bundle: supernet training, architecture search, export.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)
for _command in COMMANDS:
    app.command()(_command)


@app.callback()
def _root() -> None:
    """From labelled EEG to a bundle: supernet training, architecture search, export."""


def main() -> None:
    """Run the command line. A failure is one message and exit code 1."""
    run_command_line("bci-offline", app)
