"""Processes that work for another: they end with it, and Ctrl-C is its own affair."""

import os
import signal
import subprocess
import sys

import pytest

from offline.datasets.processes import deaf_to_interrupts

_TELL_MASK = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
def test_ctrl_c_while_processes_start_is_answered_afterwards_and_never_heard_by_them() -> None:
    printed = []

    def start_while_it_comes() -> None:
        with deaf_to_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            command = [sys.executable, "-c", _TELL_MASK]
            printed.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())

    with pytest.raises(KeyboardInterrupt):
        start_while_it_comes()
    assert printed == ["True"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_ctrl_c_nothing_is_answered() -> None:
    with deaf_to_interrupts():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
