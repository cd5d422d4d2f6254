from bci_app.bundle import find_bundle as find_bundle
from bci_app.bundle import load_bundle as load_bundle
from bci_app.engine import Engine as Engine
from bci_app.engine import EngineThread as EngineThread
from bci_app.engine.recompute import predictions_of_recording as predictions_of_recording
from bci_app.engine.rest import rest_of_recording as rest_of_recording
from bci_app.errors import BciError as BciError
from bci_app.events import Prediction as Prediction
from bci_app.outputs.jsonl import JsonLinesOutput as JsonLinesOutput
from bci_app.outputs.lsl import LslMarkerOutput as LslMarkerOutput
from bci_app.outputs.lsl import LslPredictionOutput as LslPredictionOutput
from bci_app.outputs.osc import OscOutput as OscOutput
from bci_app.preprocessing import Pipeline as Pipeline
from bci_app.recording import Recording as Recording
from bci_app.recording import read_recording as read_recording
from bci_app.recording.recorder import Recorder as Recorder
from bci_app.replay import Replay as Replay
from bci_app.replay import ReplayThread as ReplayThread
from bci_app.sources.lsl.library import use_loopback as use_loopback
from bci_app.sources.registry import list_sources as list_sources
from bci_app.sources.registry import open_source as open_source
from bci_app.stream import Chunk as Chunk
from bci_app.stream import Marker as Marker
from bci_app.stream import StreamInfo as StreamInfo

__version__: str
