"""The preprocessing of bundles of version 1, which named a fixed order of steps.

Version 1 had the keys `band_pass`, `notches` and `reference` where there is now one list of steps. They mean the same
steps in that order, and recordings name the preprocessing by a hash of those keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bci_app.preprocessing.base import Step, Token

_KEYS = ("band_pass", "notches", "reference")
_PLACES = {"band_pass": 0, "notch": 1, "average": 2, "channel": 2}  # key of each kind of step
_TOKENS = ("raw", "log_band_power")


def with_steps(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with a list of steps in the place of the keys of version 1.

    Raises
    ------
    ValueError
        If both are there.
    """
    old = {key: data[key] for key in _KEYS if key in data}
    if not old:
        return dict(data)
    if "steps" in data:
        raise ValueError(f"steps are listed, and named as in version 1 too: {', '.join(old)}")
    steps = []
    if old.get("band_pass") is not None:
        steps.append(_with_kind(old["band_pass"], "band_pass"))
    steps += [_with_kind(notch, "notch") for notch in old.get("notches", ())]
    reference = old.get("reference")
    if reference is not None and not (isinstance(reference, Mapping) and reference.get("kind", "none") == "none"):
        steps.append(reference)
    return {key: value for key, value in data.items() if key not in _KEYS} | {"steps": tuple(steps)}


def _with_kind(settings: Any, kind: str) -> Any:
    return {"kind": kind, **settings} if isinstance(settings, Mapping) else settings


def hashed_text(settings: Mapping[str, Any], steps: Sequence[Step], token: Token) -> str | None:
    """Return the text that version 1 hashed for the same preprocessing; None if version 1 could not express it.

    Parameters
    ----------
    settings : mapping
        The specification without its steps and defaults, ready for JSON.
    steps : sequence of Step
        The steps.
    token : Token
        The token.
    """
    places = [_PLACES.get(step.kind, -1) for step in steps]
    in_order = places == sorted(places) and places.count(0) <= 1 and places.count(2) <= 1
    if not in_order or -1 in places or token.kind not in _TOKENS:
        return None
    dumps = [step.model_dump(mode="json", exclude_defaults=True) for step in steps]
    named: dict[str, Any] = {}
    for key, place in zip(_KEYS, range(3), strict=True):
        found = [dump for dump, where in zip(dumps, places, strict=True) if where == place]
        if found:
            named[key] = found if key == "notches" else found[0]
    first = {key: settings[key] for key in ("channels", "rate")}
    rest = {key: value for key, value in settings.items() if key not in first}
    return json.dumps(first | named | rest, separators=(",", ":"), ensure_ascii=False)
