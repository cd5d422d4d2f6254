"""The sections of a report, in their order: one template each, and one line here."""

from __future__ import annotations

SECTIONS: dict[str, str] = {
    "result": "result.html",
    "methods": "methods.html",
    "controls": "controls.html",
    "literature": "literature.html",
    "subjects": "subjects.html",
    "networks": "networks.html",
    "search": "search.html",
    "costs": "costs.html",
    "curves": "curves.html",
    "exclusions": "exclusions.html",
    "method": "method.html",
}
"""Template of each section. A section whose template writes nothing is left out."""
