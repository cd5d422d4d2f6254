"""The kinds of output, by the name of their command-line option.

A new output is one module and one line of `OUTPUTS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from bci_app.outputs import jsonl, lsl, osc, websocket
from bci_app.outputs.base import Output, OutputKind

OUTPUTS: dict[str, OutputKind] = {
    "jsonl": jsonl.KIND,
    "osc": osc.KIND,
    "ws": websocket.KIND,
    "lsl-out": lsl.PREDICTIONS,
    "lsl-markers": lsl.MARKERS,
}


def make_outputs(chosen: Mapping[str, str]) -> list[Output]:
    """Make outputs from their options.

    Parameters
    ----------
    chosen : mapping of str to str
        For each output its name in `OUTPUTS` and the value of its option.

    Raises
    ------
    BciError
        If a value cannot be read.
    """
    return [OUTPUTS[name].make(value) for name, value in chosen.items()]
