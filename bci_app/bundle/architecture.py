"""What the graph of a bundle is made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bci_app.preprocessing.base import Frozen


class BlockArchitecture(Frozen):
    """One encoder block of a subnet."""

    heads: Annotated[int, Field(ge=1)]
    mlp_ratio: Annotated[float, Field(gt=0)]


class SubnetArchitecture(Frozen):
    """One searched subnet of the graph, and the targets that it predicts."""

    kind: Literal["subnet"] = "subnet"
    targets: tuple[str, ...]
    embed_dim: Annotated[int, Field(ge=1)]
    blocks: Annotated[tuple[BlockArchitecture, ...], Field(min_length=1)]
    parameters: Annotated[int, Field(ge=1)]


class SimpleArchitecture(Frozen):
    """A simple method in the graph, and the targets that it predicts.

    Attributes
    ----------
    kind : {"linear", "riemannian", "other"}
        A linear map of the tokens, one of Riemannian features, or something else.
    targets : tuple of str
        Names of targets.
    method : str
        The method in words, for example "log band power (4 bands) and logistic regression".
    parameters : int
        Fitted numbers.
    """

    kind: Literal["linear", "riemannian", "other"]
    targets: tuple[str, ...]
    method: str
    parameters: Annotated[int, Field(ge=1)]


Architecture = SubnetArchitecture | SimpleArchitecture
"""One part of the graph; the two differ by their `kind`, which subnets of version 1 lack."""
