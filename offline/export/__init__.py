"""From searched subnets to a bundle."""

from offline.export.bundle import Excerpt, ExportedSubnet, export_bundle
from offline.export.graph import build_graph, check_parity

__all__ = ["Excerpt", "ExportedSubnet", "build_graph", "check_parity", "export_bundle"]
