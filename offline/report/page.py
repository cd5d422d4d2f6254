"""The report as one page of HTML that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined

from bci_app.bundle.provenance import EXPLAINED, weakness
from offline.protocols import protocol_named
from offline.report import charts
from offline.report.analysis import Report
from offline.report.sections import SECTIONS
from offline.report.style import STYLE, target_colour
from offline.report.words import HYPERVOLUME
from offline.run.bad_channels import LARGEST_LOSS
from offline.run.controls import explanations
from offline.run.record import Exclusion
from offline.run.scores import CALIBRATION, HOW_SCORED, SHIPPED_CALIBRATION

TEMPLATES = PackageLoader("offline.report")
"""Where the templates of `SECTIONS` are."""

_KINDS = {
    "int8": "with 8-bit weights",
    "subnet": "network alone",
    "inherited": "before fine-tuning",
    "supernet": "largest, not fine-tuned",
    "reference": "reference",
}
_REPLACED_BY = {"interpolate": "interpolation", "rest": "their rest"}


def render(report: Report) -> str:
    """Write a report as HTML."""
    record = report.record
    page = environment(TEMPLATES).get_template("page.html")
    return page.render(
        title=f"{record.dataset.title}: preset {record.settings.preset.name}",
        sections=SECTIONS.values(),
        report=report,
        record=record,
        kinds={"found": record.networks_title}
        | _KINDS
        | {baseline.name: baseline.title for baseline in record.baselines},
        exclusions=_by_reason(report.record.excluded),
        damage=_by_reason(report.record.damage),
        facts=_facts(report),
        explanations=explanations,
        weakness=weakness,
        EXPLAINED=EXPLAINED,
    )


def environment(templates: BaseLoader) -> Environment:
    """Return the environment of a page: the filters and the style sheet of the report."""
    made = Environment(
        loader=templates,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": _number,
        "interval": _interval,
        "parameters": _parameters,
        "p_value": _p_value,
        "signed": _signed,
    }
    made.globals |= {
        "charts": charts,
        "colour": target_colour,
        "how_scored": HOW_SCORED,
        "hypervolume_words": HYPERVOLUME,
        "largest_loss": LARGEST_LOSS,
        "replaced_by": _REPLACED_BY,
        "style": STYLE,
    }
    return made


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(bounds: tuple[float, float] | None) -> str:
    return "–" if bounds is None else f"{bounds[0]:.3f}–{bounds[1]:.3f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


def _p_value(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _parameters(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 1e6 else f"{count / 1e3:.1f} k"


def _by_reason(found: Sequence[Exclusion]) -> dict[str, list[str]]:
    """Sort subjects and targets by the reason."""
    by_reason: dict[str, list[str]] = {}
    for exclusion in found:
        by_reason.setdefault(exclusion.why, []).append(exclusion.what)
    return by_reason


def _facts(report: Report) -> dict[str, str]:
    """List how the run was made, by name."""
    record = report.record
    settings = record.settings.preset
    return {
        "data": f"{record.dataset.title}. {record.dataset.source}. {record.dataset.licence}.",
        "preprocessing": record.preprocessing.describe(),
        "channels": ", ".join(record.preprocessing.channels),
        "search": settings.search_in_words,
        "networks": "one for each target" if settings.networks == "each" else "one with a head for each target",
        "calibration": CALIBRATION + SHIPPED_CALIBRATION[protocol_named(record.primary).calibrated_apart],
        "intervals": "percentile bootstrap over whole subjects, or whole trials where subjects are fewer than five",
        "command": record.command,
        "software": ", ".join(f"{name} {version}" for name, version in record.software.items()),
        "duration": f"{record.seconds / 60:.1f} min of the last call; a run that was interrupted took longer",
    }
