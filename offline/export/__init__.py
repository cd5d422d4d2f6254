"""From searched subnets to a bundle."""

from offline.export.bundle import Excerpt, export_bundle, write_checked
from offline.export.describe import ExportedSubnet
from offline.export.graph import build_graph, check_parity
from offline.export.latency import measure_latency, subnet_latency
from offline.export.linear import LinearHead, linear_graph
from offline.export.quantise import quantise

__all__ = [
    "Excerpt",
    "ExportedSubnet",
    "LinearHead",
    "build_graph",
    "check_parity",
    "export_bundle",
    "linear_graph",
    "measure_latency",
    "quantise",
    "subnet_latency",
    "write_checked",
]
