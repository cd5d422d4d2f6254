"""The live engine: pull, preprocess, predict, publish."""

from bci_app.engine.engine import Engine
from bci_app.engine.runner import EngineThread

__all__ = ["Engine", "EngineThread"]
