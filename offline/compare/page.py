"""A comparison as one page of HTML that needs nothing beside it."""

from __future__ import annotations

from jinja2 import PackageLoader

from offline.compare.tables import CompareTables, MethodRow
from offline.report.page import environment


def render(tables: CompareTables) -> str:
    """Write a comparison as HTML."""
    page = environment(PackageLoader("offline.compare")).get_template("compare.html")
    held_out = {row.protocol: row.held_out for row in tables.methods}
    leaking = sorted({row.protocol for row in tables.methods if row.leaks})
    names = list(dict.fromkeys(row.run for row in tables.methods))
    groups: dict[tuple[str, str, str, str], list[MethodRow]] = {}
    for row in tables.methods:
        groups.setdefault((row.run, row.dataset, row.protocol, row.target), []).append(row)
    return page.render(tables=tables, held_out=held_out, leaking=leaking, names=names, groups=groups)
