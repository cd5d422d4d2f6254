"""``bundle.json``: the contract between training and the live app.

The training side writes a bundle through the classes that the live app reads it with.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bci_app.preprocessing.spec import NoBaseline, PreprocessingSpec

FORMAT_VERSION = 1
MODEL_FILE = "model.onnx"
SPEC_FILE = "bundle.json"
GOLDEN_FILE = "golden.npz"
INPUT_NAME = "eeg"
OUTPUT_NAMES = ("logits", "embedding")

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""What a bundle may be called: a plain name of a folder."""

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(_Frozen):
    """One thing that the model tells, with its classes in the order of the logits."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    description: str = ""

    @property
    def title(self) -> str:
        """The name as a person reads it: ``mental load``."""
        return self.name.replace("_", " ")


class Smoothing(_Frozen):
    """Rolling mean of the probabilities over the last valid windows; 1 for none."""

    windows: Annotated[int, Field(ge=1)] = 1


class Score(_Frozen):
    """What the model reached on one target, on people or trials that it never met.

    Rolling figures use the mean probability over `rolling_seconds`. Where each subject was told by a network of its
    own, balanced figures are means over subjects, and the majority baseline is that of each subject's own classes.
    """

    target: str
    balanced_accuracy: Fraction
    accuracy: Fraction
    majority_baseline: Fraction
    n_windows: Annotated[int, Field(ge=1)]
    rolling_balanced_accuracy: Fraction | None = None
    rolling_seconds: float | None = None
    expected_calibration_error: Fraction | None = None
    interval: tuple[float, float] | None = None
    """95 % interval of the balanced accuracy over subjects (or trials)."""
    macro_f1: Fraction | None = None
    reference_method: str | None = None
    reference_balanced_accuracy: Fraction | None = None


class QuantisedScore(_Frozen):
    """What 8-bit weights reach on one target, beside the same networks with float weights on the same test windows."""

    target: str
    n_windows: Annotated[int, Field(ge=1)]
    float_accuracy: Fraction
    accuracy: Fraction
    float_balanced_accuracy: Fraction
    balanced_accuracy: Fraction

    @property
    def loss(self) -> float:
        """Balanced accuracy that is lost; negative where there is gain."""
        return self.float_balanced_accuracy - self.balanced_accuracy


class Quantisation(_Frozen):
    """What storing the weights as 8-bit integers costs and saves: scores, bytes of the graph, ms a window."""

    scores: tuple[QuantisedScore, ...]
    float_bytes: Annotated[int, Field(gt=0)]
    float_latency_ms: Annotated[float, Field(gt=0)]
    latency_ms: Annotated[float, Field(gt=0)]


class BadChannelLoss(_Frozen):
    """What replacing `channels` randomly chosen channels costs on one target, as a mean over draws of them.

    Attributes
    ----------
    target : str
        The target.
    method : {"interpolate", "rest"}
        What stands for a channel, as in `Bundle.bad_channels`.
    channels, draws : int
        How many channels, and how many random choices of them.
    balanced_accuracy, balanced_accuracy_after_rest : float
        With the channels replaced throughout, and from the end of the rest baseline on (the same where there is
        no baseline).
    loss, loss_after_rest : float
        Balanced accuracy with all channels less that.
    """

    target: str
    method: Literal["interpolate", "rest"]
    channels: Annotated[int, Field(ge=1)]
    draws: Annotated[int, Field(ge=1)]
    balanced_accuracy: Fraction
    balanced_accuracy_after_rest: Fraction
    loss: float
    loss_after_rest: float

    @property
    def worst(self) -> float:
        """The larger loss."""
        return max(self.loss, self.loss_after_rest)


class Provenance(_Frozen):
    """Where the model comes from and what it is for."""

    dataset: str
    dataset_source: str
    licence: str
    synthetic: bool
    train_subjects: tuple[str, ...]
    validation_subjects: tuple[str, ...] = ()
    held_out_subjects: tuple[str, ...] = ()
    protocol: str
    protocol_description: str
    leaks: bool = False
    scores: tuple[Score, ...]
    quantisation: Quantisation | None = None
    bad_channels: tuple[BadChannelLoss, ...] = ()
    intended_use: str
    limitations: str
    created: str
    command: str
    software: dict[str, str]


class BlockArchitecture(_Frozen):
    """One encoder block of a subnet."""

    heads: Annotated[int, Field(ge=1)]
    mlp_ratio: Annotated[float, Field(gt=0)]


class SubnetArchitecture(_Frozen):
    """One searched subnet of the graph and the targets that it tells."""

    targets: tuple[str, ...]
    embed_dim: Annotated[int, Field(ge=1)]
    blocks: Annotated[tuple[BlockArchitecture, ...], Field(min_length=1)]
    parameters: Annotated[int, Field(ge=1)]


class Bundle(_Frozen):
    """The contents of ``bundle.json``.

    Attributes
    ----------
    name, title : str
        Folder name, and the name that people read.
    model_sha256, model_bytes
        Hash (lower-case hex) and length of ``model.onnx``.
    precision : {"float32", "int8"}
        Of the weights. An 8-bit graph rounds its activations, so that processors agree less closely about it.
    embedding_dim : int
        Length of the graph's ``embedding`` output.
    max_interpolated : float
        Largest share of the channels that may be bad or missing before predictions are invalid.
    bad_channels : {"interpolate", "rest"}
        What stands for them: spherical splines of the others, or tokens as at rest (0, which needs a rest baseline).
    """

    format: Literal["bci-app-bundle"] = "bci-app-bundle"
    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    title: str
    not_for_people: bool = False
    model_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    model_bytes: Annotated[int, Field(gt=0)]
    precision: Literal["float32", "int8"] = "float32"
    preprocessing: PreprocessingSpec
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    embedding_dim: Annotated[int, Field(ge=1)]
    smoothing: Smoothing = Smoothing()
    max_interpolated: Fraction = 0.0
    bad_channels: Literal["interpolate", "rest"] = "interpolate"
    architecture: Annotated[tuple[SubnetArchitecture, ...], Field(min_length=1)]
    provenance: Provenance

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [target.name for target in self.targets]
        if len(set(names)) != len(names):
            raise ValueError("a target is named twice")
        told = [name for subnet in self.architecture for name in subnet.targets]
        n_channels = len(self.preprocessing.channels)
        if self.max_interpolated and n_channels - int(n_channels * self.max_interpolated) < 4:
            raise ValueError("interpolation would leave fewer than 4 channels")
        if self.bad_channels == "rest" and isinstance(self.preprocessing.baseline, NoBaseline):
            raise ValueError("without a rest baseline no token is as at rest")
        if sorted(told) != sorted(names):
            raise ValueError(f"subnets tell {told}, targets are {names}")
        return self

    @property
    def n_classes(self) -> int:
        """Classes of the widest target: the last axis of the logits."""
        return max(len(target.classes) for target in self.targets)
