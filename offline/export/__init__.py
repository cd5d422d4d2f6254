"""From searched subnets to a bundle."""

from offline.export.bundle import Excerpt, export_bundle, write_checked
from offline.export.describe import ExportedSubnet
from offline.export.graph import build_graph, check_parity
from offline.export.latency import measure_latency, subnet_latency
from offline.export.quantise import quantise

__all__ = [
    "Excerpt",
    "ExportedSubnet",
    "build_graph",
    "check_parity",
    "export_bundle",
    "measure_latency",
    "quantise",
    "subnet_latency",
    "write_checked",
]
