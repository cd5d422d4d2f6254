"""What a model had learnt of a session, as its recording keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing import Rest
from bci_app.preprocessing.alignment import AlignmentState

# Name and type of the stream in which our recorder keeps it, one JSON text a change.
STATE_NAME = "Model state"
STATE_TYPE = "ModelState"
_MOMENTS = ("mean", "variance", "weight")


@dataclass(frozen=True, slots=True)
class ModelState:
    """What must be known of a session to make its predictions again from a stretch of its samples.

    Attributes
    ----------
    bundle : str
        Name of the model.
    preprocessing : str
        Digest of its preprocessing; empty in recordings that were made before it was kept.
    sample : int
        Stream index of the first sample that it holds for.
    origin : int
        Stream index at which the filters had started again: windows are counted from there.
    rest : Rest or None
        The rest baseline; None where it was not measured yet, or the model needs none.
    alignment : AlignmentState or None
        What the session alignment knew; None where the model aligns nothing.
    """

    bundle: str
    preprocessing: str
    sample: int
    origin: int
    rest: Rest | None
    alignment: AlignmentState | None = None

    def to_json(self) -> str:
        """Return it as text from which numbers come back exactly."""
        content: dict[str, Any] = {
            "bundle": self.bundle,
            "preprocessing": self.preprocessing,
            "sample": self.sample,
            "origin": self.origin,
            "rest": None,
        }
        if self.rest is not None:
            content["rest"] = {
                "mean": self.rest.mean.tolist(),
                "sd": self.rest.sd.tolist(),
                "bad": list(self.rest.bad),
            }
            if self.rest.powers is not None:
                content["rest"]["powers"] = self.rest.powers.tolist()
        if self.alignment is not None:
            content["alignment"] = {name: getattr(self.alignment, name).tolist() for name in _MOMENTS}
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> ModelState:
        """Read it.

        Raises
        ------
        ValueError
            If the text is none.
        """
        try:
            content = json.loads(text)
            return cls(
                str(content["bundle"]),
                str(content.get("preprocessing", "")),
                int(content["sample"]),
                int(content["origin"]),
                None if content["rest"] is None else _rest(content["rest"]),
                _alignment(content["alignment"]) if "alignment" in content else None,
            )
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"no model state: {error!r}") from error


def _rest(content: dict[str, Any]) -> Rest:
    powers = _table(content["powers"]) if "powers" in content else None
    rest = Rest(_table(content["mean"]), _table(content["sd"]), tuple(map(int, content.get("bad", ()))), powers)
    if powers is not None and powers.shape[1] != len(rest.mean):
        raise ValueError(f"a rest baseline of {len(rest.mean)} channels with powers of {powers.shape[1]}")
    if rest.mean.shape != rest.sd.shape or not set(rest.bad) <= set(range(len(rest.mean))):
        raise ValueError(f"a rest baseline of shapes {rest.mean.shape} and {rest.sd.shape}, bad channels {rest.bad}")
    return rest


def _alignment(content: dict[str, Any]) -> AlignmentState:
    mean, variance, weight = (_table(content[name]) for name in _MOMENTS)
    if mean.shape != variance.shape or weight.shape != (len(mean), 1) or (variance < 0).any() or (weight <= 0).any():
        raise ValueError(f"an alignment of shapes {mean.shape}, {variance.shape} and {weight.shape}")
    return AlignmentState(mean, variance, weight)


def _table(values: object) -> NDArray[np.float64]:
    table = np.array(values, dtype=np.float64)
    if table.ndim != 2 or not np.isfinite(table).all():
        raise ValueError(f"a rest baseline of shape {table.shape}")
    return table
