"""Processes of the offline side that need not load torch: each is forked from a small one that has loaded it."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

_FORKS = "forkserver" in multiprocessing.get_all_start_methods()
CONTEXT = multiprocessing.get_context("forkserver" if _FORKS else "spawn")
if _FORKS:
    # What a run loads on its way, so that it is loaded once for all of these processes.
    CONTEXT.set_forkserver_preload(["offline.cli", "offline.run", "offline.sweep", "torch._dynamo", "sklearn.metrics"])


def start(call: Callable[..., object], *arguments: object, errors: Path) -> BaseProcess:
    """Start a function in its own process group; what it prints to standard error is in a file."""
    process = CONTEXT.Process(target=_call, args=(call, arguments, errors))
    process.start()
    return process


def start_command(*words: str | Path, errors: Path) -> BaseProcess:
    """Start ``bci-offline`` with these words."""
    return start(_command, *map(str, words), errors=errors)


def _command(*words: str) -> None:
    from offline.cli import main

    sys.argv = ["bci-offline", *words]
    main()


def _call(call: Callable[..., object], arguments: tuple[object, ...], errors: Path) -> None:
    if _FORKS:
        os.setsid()
    with errors.open("w") as file, Path(os.devnull).open("w") as nowhere:
        os.dup2(file.fileno(), 2)
        os.dup2(nowhere.fileno(), 1)
    call(*arguments)
