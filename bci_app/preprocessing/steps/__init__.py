"""The steps on samples that a model's preprocessing may take: one module and one line here for each."""

from bci_app.preprocessing.base import Step
from bci_app.preprocessing.steps.average_reference import AverageReference
from bci_app.preprocessing.steps.band_pass import BandPass
from bci_app.preprocessing.steps.channel_reference import ChannelReference
from bci_app.preprocessing.steps.filters import Filter, SosFilter, cascade
from bci_app.preprocessing.steps.notch import Notch

STEPS: dict[str, type[Step]] = {
    "band_pass": BandPass,
    "notch": Notch,
    "average": AverageReference,
    "channel": ChannelReference,
}

__all__ = ["STEPS", "AverageReference", "BandPass", "ChannelReference", "Filter", "Notch", "SosFilter", "cascade"]
