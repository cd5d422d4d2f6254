"""Downloads of data sets whose licence allows it."""

from __future__ import annotations

from offline.datasets.downloads.archives import Archive, Nemar, OpenNeuro, PhysioNet
from offline.datasets.downloads.get import Download, download, find_missing
from offline.datasets.downloads.transfer import RemoteFile

__all__ = ["Archive", "Download", "Nemar", "OpenNeuro", "PhysioNet", "RemoteFile", "download", "find_missing"]
