"""The bundle: all that passes from training to the live app."""

from bci_app.bundle.spec import Bundle
from bci_app.bundle.store import (
    LoadedBundle,
    find_bundle,
    load_bundle,
    require_replaceable,
    save_bundle,
    shipped_models,
)

__all__ = [
    "Bundle",
    "LoadedBundle",
    "find_bundle",
    "load_bundle",
    "require_replaceable",
    "save_bundle",
    "shipped_models",
]
