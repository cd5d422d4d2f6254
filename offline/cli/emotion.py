"""The command that makes the model of simulated emotion that ships."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from offline.cli.parsing import require_extra


def emotion(
    out: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of the bundle; its last part is the name.")],
    people: Annotated[int, typer.Option(min=2, help="Simulated people with each headset to learn from.")] = 12,
    held_out: Annotated[int, typer.Option(min=5, help="Simulated people with each headset to score on.")] = 8,
) -> None:
    """Fit a model of simulated emotion that runs on any electrodes, score it, and write its bundle."""
    require_extra()
    from offline.elastic.emotion import run_study, ship_study

    study = run_study(people=people, held_out=held_out, progress=lambda text: print(text, file=sys.stderr))
    words = ["bci-offline", "emotion", out.name, "--people", str(people), "--held-out", str(held_out)]
    bundle = ship_study(study, out, command=shlex.join(words))
    for name, found in {**study.scores, "no effect": study.without_effect}.items():
        figures = "  ".join(f"{score.balanced:.3f}" for score in found)
        print(f"{name:<10} {figures}   (balanced accuracy a window, people held out)")
    print(bundle.folder)
