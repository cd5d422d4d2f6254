"""The views of a model's targets: one module each, one line each here."""

from __future__ import annotations

from collections.abc import Callable

from bci_app.bundle.spec import Bundle
from bci_app.gui.theme import Theme
from bci_app.gui.views.plane import plane_views
from bci_app.gui.views.target_row import row_views
from bci_app.gui.views.target_view import TargetView

# Each returns its views of a model, from top to bottom; none if it does not suit the model.
TARGET_VIEWS: dict[str, Callable[[Bundle, Theme], list[TargetView]]] = {
    "plane": plane_views,
    "rows": row_views,
}


def target_views(bundle: Bundle, theme: Theme) -> list[TargetView]:
    """Make all views that suit a model."""
    return [view for make in TARGET_VIEWS.values() for view in make(bundle, theme)]
