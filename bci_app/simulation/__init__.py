"""The simulated participant: EEG of nobody, with an effect of emotion of known strength."""

from __future__ import annotations

from bci_app.simulation.emotion import DIMENSIONS, Emotion
from bci_app.simulation.participant import SimulatedParticipant
from bci_app.simulation.script import Script
from bci_app.simulation.session import PlannedTrial, plan_session
from bci_app.simulation.settings import Settings

__all__ = ["DIMENSIONS", "Emotion", "PlannedTrial", "Script", "Settings", "SimulatedParticipant", "plan_session"]
