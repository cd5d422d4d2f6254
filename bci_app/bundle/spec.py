"""``bundle.json``: the contract between training and the live app.

The training side writes a bundle through the classes that the live app reads it with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from bci_app.bundle.architecture import Architecture, BlockArchitecture, SimpleArchitecture, SubnetArchitecture
from bci_app.bundle.conformal import Conformal
from bci_app.bundle.domain import DomainStatistics, Fraction
from bci_app.bundle.provenance import (
    Answered,
    Attribution,
    BadChannelLoss,
    Controls,
    Loss,
    MontageScore,
    Provenance,
    Quantisation,
    QuantisedScore,
    SwapTest,
    TargetScore,
    weakness,
)
from bci_app.errors import ChannelError
from bci_app.montage.names import canonical, match_channels
from bci_app.montage.positions import electrode_positions
from bci_app.preprocessing.base import Frozen
from bci_app.preprocessing.spec import NoBaseline, PreprocessingSpec
from bci_app.stream import is_voltage

FORMAT_VERSION = 2
MODEL_FILE = "model.onnx"
SPEC_FILE = "bundle.json"
GOLDEN_FILE = "golden.npz"
INPUT_NAME = "eeg"
POSITIONS_NAME = "positions"
"""Second input of an elastic graph: places of the channels on the unit sphere."""
OUTPUT_NAMES = ("logits", "embedding")

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""What a bundle may be called: a plain name of a folder."""


class Target(Frozen):
    """One thing that the model predicts, with its classes in the order of the logits.

    Attributes
    ----------
    name, description : str
        The target.
    classes : tuple of str
        Names of the classes.
    temperature : float
        Divides the logits before the softmax.
    conformal : tuple of Conformal
        How the set of possible classes is made, for one montage or all; empty if it is not.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    description: str = ""
    conformal: tuple[Conformal, ...] = ()

    @model_validator(mode="after")
    def _thresholds(self) -> Self:
        for found in self.conformal:
            if len(found.thresholds) != len(self.classes):
                raise ValueError(f"{len(found.thresholds)} conformal thresholds for {len(self.classes)} classes")
        return self

    @property
    def title(self) -> str:
        """The name as a person reads it: ``mental load``."""
        return self.name.replace("_", " ")


class Smoothing(Frozen):
    """Rolling mean of the probabilities over the last valid windows; 1 for none."""

    windows: Annotated[int, Field(ge=1)] = 1


class Electrode(Frozen):
    """An electrode and its place on the unit sphere: x to the right, y to the front, z up."""

    name: str
    position: tuple[float, float, float]

    @classmethod
    def of_channels(cls, channels: Sequence[str]) -> tuple[Self, ...]:
        """Return the electrodes of channels whose places are all known."""
        return tuple(
            cls.model_validate({"name": name, "position": place})
            for name, place in zip(channels, electrode_positions(channels), strict=True)
        )


class Bundle(Frozen):
    """The contents of ``bundle.json``.

    Attributes
    ----------
    name, title : str
        Folder name, and the name that people read.
    model_sha256, model_bytes
        Hash (lower-case hex) and length of ``model.onnx``.
    precision : {"float32", "int8"}
        Of the weights. An 8-bit graph rounds its activations, so that processors agree less closely about it.
    preprocessing : PreprocessingSpec
        From samples to tokens. Its channels are those that the model was trained on.
    montage : {"fixed", "elastic"}
        Whether the model needs these channels, or takes any electrodes whose places are known. The graph of an
        elastic bundle has a channel axis of any length and a second input ``positions`` (channels, 3).
    electrodes : tuple of Electrode
        Where the channels of training lie; may be empty in a fixed bundle.
    min_channels : int
        Fewest electrodes that an elastic bundle predicts from.
    embedding_dim : int
        Length of the graph's ``embedding`` output.
    max_bad_share : float
        Largest share of the channels that may be bad or missing before predictions are invalid.
    bad_channels : {"interpolate", "rest", "leave out"}
        What stands for them: spherical splines of the others, tokens as at rest (0, which needs a rest baseline), or
        nothing (in an elastic bundle, and there only).
    domain : tuple of DomainStatistics
        Where the training windows lie, for one montage or all; empty for no check.
    max_rate_error : float or None
        Largest relative error of the stream's rate before predictions are invalid; None for 5 %.
    """

    format: Literal["bci-app-bundle"] = "bci-app-bundle"
    version: Literal[2] = 2
    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    title: str
    not_for_people: bool = False
    model_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    model_bytes: Annotated[int, Field(gt=0)]
    precision: Literal["float32", "int8"] = "float32"
    preprocessing: PreprocessingSpec
    montage: Literal["fixed", "elastic"] = "fixed"
    electrodes: tuple[Electrode, ...] = ()
    min_channels: Annotated[int, Field(ge=1)] = 1
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    embedding_dim: Annotated[int, Field(ge=1)]
    smoothing: Smoothing = Smoothing()
    max_bad_share: Fraction = 0.0
    bad_channels: Literal["interpolate", "rest", "leave out"] = "interpolate"
    domain: tuple[DomainStatistics, ...] = ()
    max_rate_error: Fraction | None = None
    architecture: Annotated[tuple[Architecture, ...], Field(min_length=1)]
    provenance: Provenance

    @model_validator(mode="before")
    @classmethod
    def _from_version_1(cls, data: object) -> object:
        return _lifted(data) if isinstance(data, Mapping) and data.get("version") == 1 else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [target.name for target in self.targets]
        if len(set(names)) != len(names):
            raise ValueError("a target is named twice")
        predicted = [name for part in self.architecture for name in part.targets]
        if sorted(predicted) != sorted(names):
            raise ValueError(f"the architecture predicts {predicted}, targets are {names}")
        if self.bad_channels == "rest" and isinstance(self.preprocessing.baseline, NoBaseline):
            raise ValueError("without a rest baseline no token is as at rest")
        if (self.bad_channels == "leave out") != self.elastic:
            raise ValueError("an elastic bundle, and no other, leaves bad channels out")
        n_channels = len(self.preprocessing.channels)
        left = n_channels - int(n_channels * self.max_bad_share)
        if self.bad_channels == "interpolate" and self.max_bad_share and left < 4:
            raise ValueError("interpolation would leave fewer than 4 channels")
        if self.elastic and not set(self.preprocessing.channels) <= {electrode.name for electrode in self.electrodes}:
            raise ValueError("an elastic bundle needs the place of every channel")
        self._check_domain()
        return self

    def _check_domain(self) -> None:
        lengths = {"embedding": self.embedding_dim, "tokens": self.preprocessing.n_features}
        for found in self.domain:
            n, expected = len(found.mean), lengths[found.of]
            if n != expected:
                raise ValueError(f"domain statistics of {n} numbers for {expected} of {found.of}")

    @property
    def elastic(self) -> bool:
        """Whether any electrodes with a known place do."""
        return self.montage == "elastic"

    @property
    def n_classes(self) -> int:
        """Classes of the widest target: the last axis of the logits."""
        return max(len(target.classes) for target in self.targets)

    def for_stream(self, channels: Sequence[str], units: Sequence[str]) -> Self:
        """Return the bundle as it is used on a stream: an elastic one takes the electrodes that are there.

        Parameters
        ----------
        channels, units : sequence of str
            Names of the stream's columns in any spelling, and their units.

        Returns
        -------
        Bundle
            The same for a fixed montage. For an elastic one its preprocessing has the electrodes of the stream whose
            places are known, in the stream's order; other columns are left out.

        Raises
        ------
        ChannelError
            If an elastic bundle finds fewer than `min_channels` electrodes, an electrode is there twice, or a step
            needs a channel that is not there.
        """
        if not self.elastic:
            return self
        columns = zip(channels, units, electrode_positions(channels), strict=True)
        placed = [(canonical(name), unit) for name, unit, place in columns if place is not None]
        # Without any voltage the unit is unknown, which the pipeline refuses with what to do.
        names = [name for name, unit in placed if is_voltage(unit)] or [name for name, _ in placed]
        match_channels(names, channels)  # raises where an electrode is there twice
        if len(names) < self.min_channels:
            raise ChannelError(
                f"The stream has too few electrodes for {self.name}",
                found=f"{', '.join(names) or 'none'} among {', '.join(channels)}",
                expected=f"at least {self.min_channels} with names of the 10-05 system",
                fix="Name the channels in their order with --channels.",
            )
        try:
            settings = self.preprocessing.model_dump() | {"channels": tuple(names)}
            preprocessing = PreprocessingSpec.model_validate(settings)
        except ValidationError as error:
            raise ChannelError(
                f"The electrodes of the stream do not fit {self.name}",
                found=f"{', '.join(names)}: {error.errors()[0]['msg']}",
                expected="the electrodes that its steps name",
            ) from error
        return self.model_copy(update={"preprocessing": preprocessing})

    def montage_score(self, channels: Sequence[str], target: str | None = None) -> MontageScore | None:
        """Return the stated score of the largest montage that a stream covers.

        Parameters
        ----------
        channels : sequence of str
            The stream's channels in any spelling.
        target : str, optional
            The first target by default.
        """
        present = {canonical(name) for name in channels}
        wanted = target or self.targets[0].name
        covered = [score for score in self.provenance.montages if score.target == wanted and score.covers(present)]
        return max(covered, key=lambda score: (score.n_electrodes, score.any_of is None), default=None)

    def chance(self, target: str) -> float:
        """Return the balanced accuracy on a target without knowledge."""
        return 1 / next(len(known.classes) for known in self.targets if known.name == target)

    def weakness(self, score: TargetScore | MontageScore) -> str:
        """Return why one of the scores is worth less than it seems, or nothing."""
        return weakness(score, self.chance(score.target))

    def domain_for(self, channels: Sequence[str]) -> DomainStatistics | None:
        """Return the domain statistics for a stream with these channels."""
        return _for_montage(self.domain, self.montage_score(channels))

    def conformal_for(self, target: Target, channels: Sequence[str]) -> Conformal | None:
        """Return the conformal thresholds of a target for a stream with these channels."""
        return _for_montage(target.conformal, self.montage_score(channels, target.name))


class _OfMontage(Protocol):
    @property
    def montage(self) -> str | None: ...


_Entry = TypeVar("_Entry", bound=_OfMontage)


def _for_montage(entries: Sequence[_Entry], score: MontageScore | None) -> _Entry | None:
    """Return the entry of a montage, or else the one for every other montage."""
    named = {entry.montage: entry for entry in entries}
    return named.get(score.montage if score is not None else None, named.get(None))


def _lifted(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description of version 1 as one of version 2."""
    lifted = {**data, "version": FORMAT_VERSION}
    if "max_interpolated" in lifted:
        lifted["max_bad_share"] = lifted.pop("max_interpolated")
    return lifted


__all__ = [
    "FORMAT_VERSION",
    "GOLDEN_FILE",
    "INPUT_NAME",
    "MODEL_FILE",
    "NAME_PATTERN",
    "OUTPUT_NAMES",
    "POSITIONS_NAME",
    "SPEC_FILE",
    "Answered",
    "Architecture",
    "Attribution",
    "BadChannelLoss",
    "BlockArchitecture",
    "Bundle",
    "Conformal",
    "Controls",
    "DomainStatistics",
    "Electrode",
    "Fraction",
    "Loss",
    "MontageScore",
    "Provenance",
    "Quantisation",
    "QuantisedScore",
    "SimpleArchitecture",
    "Smoothing",
    "SubnetArchitecture",
    "SwapTest",
    "Target",
    "TargetScore",
]
