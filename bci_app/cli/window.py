"""Commands that open the session window: `demo` and `gui`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import typer

from bci_app.cli.options import (
    GRAMMAR,
    ChannelsOption,
    MarkersOption,
    NetworkOption,
    ProfileOption,
    RateOption,
    UnitOption,
    WithOption,
)
from bci_app.cli.session_setup import keep_to_this_machine, open_stream, require_display, session_in_terminal


def demo(
    recording: Annotated[
        str, typer.Option(help="What to play: simulated, or a recording to download. An unknown name lists them.")
    ] = "simulated",
    headless: Annotated[bool, typer.Option("--headless", help="Show the session in the terminal.")] = False,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="In the terminal: end after this many seconds.")
    ] = None,
) -> None:
    """Replay a session through LSL into a shipped model: a simulated participant, or a downloaded recording."""
    from bci_app.demo import SESSIONS, replayed
    from bci_app.doctor import display_problem

    if recording not in SESSIONS:
        raise typer.BadParameter(f"{recording!r} is none of {', '.join(SESSIONS)}", param_hint="--recording")
    keep_to_this_machine()
    problem = None if headless else display_problem()
    if problem is not None:
        print(f"No window: {problem}\nThe session follows in the terminal.\n", file=sys.stderr)
    session = SESSIONS[recording]()
    # The stream comes first: it becomes visible while the libraries of the session load.
    with replayed(session) as replay:
        from bci_app.bundle import find_bundle, load_bundle

        bundle = load_bundle(find_bundle(session.bundle))
        if headless or problem is not None:
            session_in_terminal(replay.source(ends=True), bundle, f"{session.title} (replay)", seconds=seconds)
            print("The recording was played to its end." if replay.over else "The demo has ended.")
        else:
            from bci_app.gui.app import run_window
            from bci_app.presentation.choices import SourceChoice
            from bci_app.presentation.opening import Ready
            from bci_app.presentation.player import Player

            player = Player(replay.thread, owned=False)
            sys.exit(
                run_window(
                    source=SourceChoice(replay.text),
                    model=find_bundle(session.bundle),
                    ready=lambda: Ready(replay.source(), bundle, player, player.markers),
                    title=f"bci-app demo: {session.title}",
                    wait_for_baseline=False,
                )
            )


def gui(
    source: Annotated[str | None, typer.Option("--source", "-s", help=f"Open this at once: {GRAMMAR}.")] = None,
    bundle: Annotated[str | None, typer.Option("--bundle", "-b", help="Folder or name of a bundle.")] = None,
    profile: ProfileOption = None,
    markers: MarkersOption = None,
    with_: WithOption = None,
    outputs: Mapping[str, str] = MappingProxyType({}),
    channels: ChannelsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    network: NetworkOption = False,
) -> None:
    """Open the session window."""
    from bci_app.bundle import find_bundle
    from bci_app.learn.profile import load_profile
    from bci_app.outputs.registry import make_outputs
    from bci_app.sources.lsl.beside import BesideStreams

    if not network:
        keep_to_this_machine()
    # Options that cannot be read are reported here, before there is a window.
    make_outputs(outputs)
    BesideStreams(with_ or (), lambda _: None)
    if profile is not None:
        load_profile(profile)
    require_display("Use `bci-app run` in a terminal.")
    if source is not None:
        open_stream(source, channels=channels, rate=rate, unit=unit)
    from bci_app.gui.app import run_window
    from bci_app.presentation.choices import SourceChoice
    from bci_app.presentation.output_control import OutputChoice

    names = None if channels is None else tuple(name.strip() for name in channels.split(","))
    sys.exit(
        run_window(
            source=None if source is None else SourceChoice(source, names, rate, unit),
            model=None if bundle is None else find_bundle(bundle),
            wait_for_baseline=True,
            markers=markers or (),
            beside=with_ or (),
            profile=profile,
            outputs=OutputChoice.of_options(outputs),
        )
    )
