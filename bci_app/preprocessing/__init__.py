"""The one preprocessing: offline and live run this code, sample for sample."""

from bci_app.preprocessing.baseline import Rest
from bci_app.preprocessing.network_input import measure_rest, network_input
from bci_app.preprocessing.pipeline import Pipeline, Window
from bci_app.preprocessing.spec import PreprocessingSpec

__all__ = ["Pipeline", "PreprocessingSpec", "Rest", "Window", "measure_rest", "network_input"]
