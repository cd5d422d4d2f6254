"""Recordings: reading files, writing XDF."""

from bci_app.recording.model import Annotation, Break, Description, Recording, describe
from bci_app.recording.readers import FORMATS, read_recording

__all__ = ["FORMATS", "Annotation", "Break", "Description", "Recording", "describe", "read_recording"]
