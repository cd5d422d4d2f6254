"""Live EEG: sources, preprocessing, bundles, engine, recording, replay and window."""

__version__ = "0.1.0"
