"""What a model had learnt of a session, as its recording keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bci_app.preprocessing import Rest

# Name and type of the stream in which our recorder keeps it, one JSON text a change.
STATE_NAME = "Model state"
STATE_TYPE = "ModelState"


@dataclass(frozen=True, slots=True, eq=False)
class ModelState:
    """What must be known of a session to make its predictions again from a stretch of its samples.

    Attributes
    ----------
    bundle : str
        Name of the model.
    sample : int
        Stream index of the first sample that it holds for.
    origin : int
        Stream index at which the filters had begun anew: windows are counted from there.
    rest : Rest or None
        The rest baseline; None where it was not measured yet, or the model needs none.
    """

    bundle: str
    sample: int
    origin: int
    rest: Rest | None

    def to_json(self) -> str:
        """Give it as text; numbers come back exactly."""
        rest = None if self.rest is None else {"mean": self.rest.mean.tolist(), "sd": self.rest.sd.tolist()}
        return json.dumps({"bundle": self.bundle, "sample": self.sample, "origin": self.origin, "rest": rest})

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
            rest = content["rest"]
            return cls(
                str(content["bundle"]),
                int(content["sample"]),
                int(content["origin"]),
                None if rest is None else Rest(_table(rest["mean"]), _table(rest["sd"])),
            )
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"no model state: {error!r}") from error


def _table(values: object) -> NDArray[np.float64]:
    table = np.array(values, dtype=np.float64)
    if table.ndim != 2 or not np.isfinite(table).all():
        raise ValueError(f"a rest baseline of shape {table.shape}")
    return table
