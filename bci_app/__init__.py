"""Live EEG: sources, preprocessing, bundles, engine, recording, replay and window.

The names below are the public interface, described in ``docs/api.md``. They are loaded when they are
first used, so that importing the package is quick and loads no library.
"""

from importlib import import_module

__version__ = "0.1.0"

_PUBLIC = {
    "BciError": "bci_app.errors",
    "Chunk": "bci_app.stream",
    "Engine": "bci_app.engine",
    "EngineThread": "bci_app.engine",
    "JsonLinesOutput": "bci_app.outputs.jsonl",
    "LslMarkerOutput": "bci_app.outputs.lsl",
    "LslPredictionOutput": "bci_app.outputs.lsl",
    "Marker": "bci_app.stream",
    "OscOutput": "bci_app.outputs.osc",
    "Pipeline": "bci_app.preprocessing",
    "Prediction": "bci_app.events",
    "Recorder": "bci_app.recording.recorder",
    "Recording": "bci_app.recording",
    "Replay": "bci_app.replay",
    "ReplayThread": "bci_app.replay",
    "StreamInfo": "bci_app.stream",
    "find_bundle": "bci_app.bundle",
    "list_sources": "bci_app.sources.registry",
    "load_bundle": "bci_app.bundle",
    "open_source": "bci_app.sources.registry",
    "predictions_of_recording": "bci_app.engine.recompute",
    "read_recording": "bci_app.recording",
    "rest_of_recording": "bci_app.engine.rest",
    "use_loopback": "bci_app.sources.lsl.library",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> object:
    """Load a public name (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
