"""Loading liblsl, and where it looks for streams."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from types import ModuleType

from bci_app.errors import DependencyError

# ResolveScope says where to look; ListenAddress, that nobody else's search is answered. Without it, any
# program of the network that asks by broadcast would see our streams.
# KnownPeers: liblsl 1.17.7 finds only one of several local streams without it. It asks each port of the range, which
# holds 32 by default; outlets and searches take several each, and an outlet that finds none left is never found.
# The interval (0.5 s by default) bounds how soon a lost stream is found again.
# Level -3 keeps liblsl's own messages off the terminal; their content becomes errors and states here.
LOOPBACK_CONFIG = (
    "[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\n[lab]\nKnownPeers = {127.0.0.1}\n"
    "[ports]\nPortRange = 128\nIPv6 = disable\n[tuning]\nContinuousResolveInterval = 0.2\n[log]\nlevel = -3\n"
)

_scope = "network"


def load_pylsl() -> ModuleType:
    """Import pylsl and with it liblsl.

    Raises
    ------
    DependencyError
        If the library is not there or does not load.
    """
    try:
        import pylsl
    except (ImportError, OSError, RuntimeError) as error:
        raise DependencyError(
            "The LSL library does not load",
            found=str(error).strip().splitlines()[0],
            expected="liblsl 1.17.7 or newer",
            fix="The pylsl wheel carries it for Linux x86-64 (glibc 2.35 or newer), macOS 11 or newer and Windows. "
            "Elsewhere install liblsl (https://github.com/sccn/liblsl/releases) and set the environment variable "
            "PYLSL_LIB to the path of the library file.",
        ) from error
    return pylsl  # type: ignore[no-any-return]


def use_loopback() -> None:
    """Let LSL see streams of this machine only, announce ours to it only, and be silent on the terminal.

    Must come before anything else that uses LSL in this process; a second call changes nothing.

    Raises
    ------
    DependencyError
        If the library does not load or is too old.
    """
    global _scope
    if _scope == "machine":
        return
    pylsl = load_pylsl()
    try:
        pylsl.set_config_content(LOOPBACK_CONFIG)
    except NotImplementedError as error:
        raise DependencyError(
            "LSL cannot be kept to this machine",
            found=f"liblsl {library_version()}",
            expected="liblsl 1.17.7 or newer",
            fix="Update pylsl, or allow streams of the whole network with --network.",
        ) from error
    _scope = "machine"


def scope() -> str:
    """Return where LSL looks for streams: ``machine`` or ``network`` (the library's own configuration)."""
    return _scope


def library_version() -> str:
    """Return liblsl's version, as ``1.18.0``."""
    number = int(load_pylsl().library_version())
    # liblsl counts 118 for 1.18; the patch level is in its build information only.
    return f"{number // 100}.{number % 100}"


def local_clock() -> float:
    """Return LSL's clock in seconds, or the system's steady clock where liblsl is missing."""
    return float(_clock()())


@cache
def _clock() -> Callable[[], float]:
    """Look for liblsl once: where it is missing, each search takes its time."""
    try:
        return load_pylsl().local_clock  # type: ignore[no-any-return]
    except DependencyError:
        return time.monotonic
