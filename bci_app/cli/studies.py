"""Commands about studies and personal models: `study`, `learn` and `verify`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bci_app.cli.options import (
    BundleOption,
    ChannelsOption,
    DropOption,
    JsonOption,
    MarkersOption,
    NetworkOption,
    NotesOption,
    PickOption,
    RateOption,
    ReportOption,
    SourceOption,
    UnitOption,
    WithOption,
)
from bci_app.cli.session_setup import (
    interruptible,
    keep_to_this_machine,
    names_in,
    open_stream,
    personal_predictor,
    report_recorded,
    require_display,
)

if TYPE_CHECKING:
    from bci_app.learn.learn import Learnt
    from bci_app.learn.verdict import Verdict
    from bci_app.study.runner import Stage


def study(
    protocol: Annotated[
        str, typer.Argument(help="Protocol file (TOML), or one that ships: guided-recall, load.", show_default=False)
    ],
    source: SourceOption,
    out: Annotated[Path, typer.Option(help="Folder of the study; recordings get BIDS names in it.")],
    participant: Annotated[
        str | None, typer.Option(help="Code of the participant: letters and digits. P01 by default.")
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(help="Label of the session: by default the broken-off one, or the next."),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Language of the texts, such as en or de.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Without a window.")] = False,
    answers: Annotated[
        Path | None, typer.Option(help="JSON file with the ratings, by condition or number of the trial.")
    ] = None,
    notes: NotesOption = None,
    markers: MarkersOption = None,
    with_: WithOption = None,
    pick: PickOption = None,
    drop: DropOption = None,
    report: ReportOption = True,
    channels: ChannelsOption = None,
    rate: RateOption = None,
    unit: UnitOption = None,
    network: NetworkOption = False,
) -> None:
    """Run a study: show trials, ask for ratings, record everything.

    A protocol file lists blocks of instructions, rest and trials; docs/study.md explains each key. Two protocols ship
    and need no media: guided-recall (16 memories of a minute, about 25 minutes) and load (rest and mental arithmetic,
    about 6 minutes). A session that was broken off goes on with the same command.
    """
    from bci_app.study.headless import study_without_window
    from bci_app.study.opening import StudyOptions

    if not network:
        keep_to_this_machine()
    options = StudyOptions(
        out=out,
        participant=participant,
        session=session,
        language=language,
        answers=answers,
        notes=notes,
        source=source,
        markers=tuple(markers or ()),
        beside=tuple(with_ or ()),
        pick=None if pick is None else tuple(names_in(pick) or ()),
        drop=tuple(names_in(drop) or ()),
    )
    stream = open_stream(source, channels=channels, rate=rate, unit=unit)
    if not headless:
        require_display("Use --headless in a terminal.")
        from bci_app.gui.app import run_window
        from bci_app.gui.study.running import require_media
        from bci_app.presentation.choices import SourceChoice
        from bci_app.study.opening import open_study

        opened = open_study(protocol, stream, options, check=require_media)
        names = None if channels is None else tuple(name.strip() for name in channels.split(","))
        raise typer.Exit(run_window(source=SourceChoice(source, names, rate, unit), study=opened))
    with interruptible() as stopped:
        outcome = study_without_window(
            protocol,
            stream,
            options,
            stopped=stopped,
            on_stage=_show_stage,
            on_closed=report_recorded if report else None,
        )
    print(f"{outcome.done} of {outcome.trials} trials, recorded in {outcome.recording}")
    if outcome.done < outcome.trials:
        print("Continue with the same command.")


def learn(
    folder: Annotated[Path, typer.Argument(help="Folder of a study, or one recording of it.")],
    bundle: BundleOption,
    target: Annotated[str | None, typer.Option(help="What to learn, such as valence.")] = None,
    participant: Annotated[str | None, typer.Option(help="Whose trials, if the folder holds several people's.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the profile. By default among the user's data.", show_default=False)
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Learn a person's own model from their rated trials, and say what it is worth.

    Trials are left out one at a time, and the same is done with shuffled labels. A profile is written only if the model
    is above chance.
    """
    from bci_app.bundle import find_bundle, load_bundle
    from bci_app.learn.learn import default_profile_folder, learn

    loaded = load_bundle(find_bundle(bundle))
    found = learn(
        folder,
        loaded,
        target=target,
        participant=participant,
        out=out or (lambda who, what: default_profile_folder(loaded.spec.name, who, what)),
    )
    for line in found.skipped:
        print(f"left out: {line}", file=sys.stderr)
    if json_:
        print(json.dumps(_as_json(found), indent=2))
    else:
        print("\n".join(_lines(found.verdict)))
        if found.profile_folder is not None:
            print(f"Profile: {found.profile_folder}")


def verify(
    session: Annotated[Path, typer.Argument(help="XDF of a session that bci-app recorded.")],
    bundle: Annotated[str, typer.Argument(help="Folder or name of the bundle.")],
    profile: Annotated[Path | None, typer.Argument(help="Folder of the profile, if one was used.")] = None,
    json_: JsonOption = False,
) -> None:
    """Predict a recorded session again, and say whether the predictions are the same.

    Exit code 1 if they are not.
    """
    from bci_app.bundle import find_bundle, load_bundle
    from bci_app.engine.verification import SETTLING, TOLERANCE, verify_session

    loaded = load_bundle(find_bundle(bundle))
    predictor = None if profile is None else personal_predictor(loaded, profile)
    found = verify_session(session, loaded, predictor=predictor)
    if json_:
        print(json.dumps({**asdict(found), "same": found.same, "tolerance": TOLERANCE}, indent=2))
    else:
        print(
            f"{'The same' if found.same else 'Not the same'}: {found.compared} of {found.windows} valid windows were "
            f"predicted again; probabilities differ by at most {found.largest:.1e} (allowed: {TOLERANCE:.0e})"
        )
        if not found.from_start:
            print(
                f"The recording begins within its session: its first {SETTLING:g} s were left out, as filters knew "
                "what came before."
            )
    if not found.same:
        raise typer.Exit(1)


def _show_stage(stage: Stage, _sample: int) -> None:
    trial = stage.trial
    if trial is None or stage.kind.value == "stimulus":
        what = f"trial {trial.number}: {trial.spec.name}" if trial else stage.kind.value
        print(what, file=sys.stderr)


def _as_json(found: Learnt) -> dict[str, object]:
    profile = None if found.profile_folder is None else str(found.profile_folder)
    return {**found.verdict.as_dict(), "profile": profile}


def _lines(verdict: Verdict) -> list[str]:
    low, high = verdict.interval
    rows = [
        verdict.sentence,
        f"balanced accuracy  {verdict.balanced_accuracy:.2f} (95 % {low:.2f} to {high:.2f})",
        f"chance             {verdict.chance[0]:.2f} to {verdict.chance[1]:.2f}, p {verdict.p:.3f}",
    ]
    if verdict.general_balanced_accuracy is not None:
        rows.append(f"general model      {verdict.general_balanced_accuracy:.2f}")
    if verdict.artefact_balanced_accuracy is not None:
        rows.append(f"muscle and eyes    {verdict.artefact_balanced_accuracy:.2f}")
    rows.append(f"trials             {verdict.trials}, labelled by {verdict.labels}; read from {verdict.features}")
    return rows
