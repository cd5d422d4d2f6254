"""What determines a run, and the networks that it consists of."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bci_app.errors import DatasetError
from offline.datasets.base import Dataset
from offline.presets import PRESETS, Preset
from offline.protocols import PROTOCOLS, protocol_named
from offline.search.evolution import Evolution

Until = Literal["training", "search", "end"]
"""How far a run goes."""

SIDE_TARGETS = ("liking",)
"""Rated beside the emotion; trained where they are asked for by name."""

ALL_TARGETS = "all"
"""Folder of a network that predicts several targets."""


LARGEST_SEED = 2**31 - 1
"""The networks of a run are seeded by multiples of its seed, which PyTorch takes up to 64 bits."""


FINAL_NUMBER = 999
"""Number of the network that ships, among those of the splits."""


def network_seed(seed: int, number: int | None) -> int:
    """Return the seed of the network of a split, or of the one that ships if there is no number.

    The first 999 splits and the network that ships have seeds of ``1000 x seed + number``. Those of further splits lie
    above all of these, so that no two networks of any runs have the same.
    """
    if number is not None and number >= FINAL_NUMBER:
        return 2**41 + number * (LARGEST_SEED + 1) + seed
    return 1000 * seed + (FINAL_NUMBER if number is None else number)


class RunSettings(BaseModel):
    """What determines the result of a run; a run folder belongs to one of these.

    Attributes
    ----------
    dataset : str
        Name of the data set.
    preset : Preset
        What to do, changes from the command line included.
    protocols : tuple of str
        Protocols of the splits, side by side.
    folds : int or None
        Folds of the cross-validation, the protocol's own for None; 1 runs the first of them only
        (of each subject, where each subject has its own folds).
    subjects : tuple of str, int or None
        Which ones, or how many, the first ones; all but the demo's for None.
    targets : tuple of str or None
        Which ones; all but `SIDE_TARGETS` for None.
    seed : int
        The only source of randomness.
    threshold : str or None
        What makes a rating high, as ``>3`` or ``>=3``; the data set's own for None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    preset: Preset
    protocols: tuple[str, ...]
    folds: int | None = None
    subjects: tuple[str, ...] | int | None = None
    targets: tuple[str, ...] | None = None
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    threshold: str | None = None

    @model_validator(mode="after")
    def _known_protocols(self) -> RunSettings:
        if not self.protocols or len(set(self.protocols)) != len(self.protocols):
            raise DatasetError(
                "A run needs protocols, each at most once",
                found=", ".join(self.protocols) or "none",
                expected=", ".join(PROTOCOLS),
            )
        for name in self.protocols:
            protocol_named(name)
        return self

    @property
    def primary(self) -> str:
        """The protocol that the exported model answers for: the first that does not leak, if there is one."""
        return next((name for name in self.protocols if not protocol_named(name).leaks), self.protocols[0])

    def command(self, *more: str) -> str:
        """Return the command line, with `more` options, that leads to the same result; folders stand for themselves."""
        preset, base = self.preset, PRESETS.get(self.preset.name, self.preset)
        recipe, known = preset.recipe.model_dump(), base.recipe.model_dump()
        changed = [name for name in sorted(recipe) if recipe[name] != known[name]]
        if epochs_given := not recipe["steps"] and not {"steps", "epochs"}.isdisjoint(changed):
            changed = [name for name in changed if name not in ("steps", "epochs")]
        searched, usual = _flat(preset.search), _flat(base.search)
        options: dict[str, object] = {
            "--dataset": self.dataset,
            "--preset": preset.name,
            "--protocol": ",".join(self.protocols),
            "--seed": self.seed,
            "--folds": self.folds,
            "--subjects": _joined(self.subjects),
            "--targets": _joined(self.targets),
            "--threshold": self.threshold,
            "--epochs": preset.recipe.epochs if epochs_given else None,
            "--generations": None if searched["generations"] == usual["generations"] else searched["generations"],
            "--finetune": None if preset.finetune == base.finetune else preset.finetune,
            "--networks": None if preset.networks == base.networks else preset.networks,
            "--from": None if preset.start is None else preset.start.folder,
            "--search": None if preset.strategy == base.strategy else preset.strategy,
            "--search-sample": None if preset.search_controls in (0, base.search_controls) else preset.search_controls,
        }
        words = [str(word) for name, value in options.items() if value is not None for word in (name, value)]
        words += [word for name in changed for word in ("--recipe", f"{name}={recipe[name]}")]
        words += [
            word
            for name in sorted(searched)
            if name != "generations" and searched[name] != usual[name]
            for word in ("--search-setting", f"{name}={searched[name]}")
        ]
        words += ["--latency"] * preset.latency
        words += ["--no-search-controls"] * (base.search_controls > 0 == preset.search_controls)
        return shlex.join(["bci-offline", "run", *words, *more, "--out", "RUN"])

    def choose_subjects(self, dataset: Dataset) -> tuple[str, ...]:
        """Return the subjects of the run; the demo's are in none unless they are named."""
        if isinstance(self.subjects, tuple):
            return self.subjects
        demo = dataset.info.demo_subjects
        available = tuple(subject for subject in dataset.subjects() if subject not in demo)
        if self.subjects is not None and self.subjects > len(available):
            raise DatasetError(
                f"Data set {self.dataset} has fewer subjects",
                found=f"{len(available)}: {', '.join(available)}",
                expected=f"{self.subjects}",
            )
        return available[: self.subjects]

    def choose_targets(self, dataset: Dataset) -> tuple[str, ...]:
        """Return the names of the targets of the run."""
        if self.targets is not None:
            return self.targets
        names = [target.name for target in dataset.info.targets]
        return tuple(name for name in names if name not in SIDE_TARGETS) or tuple(names)

    def networks(self, targets: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the folder and the targets of each network."""
        if self.preset.networks == "shared" and len(targets) > 1:
            return {ALL_TARGETS: tuple(targets)}
        return {target: (target,) for target in targets}


def _flat(search: Evolution) -> dict[str, object]:
    """Return the settings of the search and of its objective by name."""
    return search.model_dump(exclude={"objective"}) | search.objective.model_dump()


def _joined(values: tuple[str, ...] | int | None) -> str | None:
    if isinstance(values, tuple):
        text = ",".join(values)
        return f"{text}," if len(values) == 1 and text.isdecimal() else text
    return None if values is None else str(values)
