"""FACED: 123 people, 28 film clips of nine emotions, in BIDS format (NEMAR nm000112).

Chen et al. 2023, *Scientific Data* 10:740. Each clip follows 5 s of a fixation cross, which are its rest
baseline. The events also hold ratings from 0 to 7, for example ``--dataset "faced?labels=valence,arousal&scale=0-7"``.
"""

from __future__ import annotations

from bci_app.bundle.spec import Target
from offline.datasets.base import DatasetInfo
from offline.datasets.bids import bids_entry
from offline.datasets.bids_layout import Layout
from offline.datasets.downloads.archives import Nemar
from offline.datasets.labels import Threshold

FIXATION_SECONDS = 5.0
EMOTION_OF_CLIP = (
    *("anger",) * 3, *("disgust",) * 3, *("fear",) * 3, *("sadness",) * 3, *("neutral",) * 4, *("amusement",) * 3,
    *("inspiration",) * 3, *("joy",) * 3, *("tenderness",) * 3,
)  # fmt: skip
"""Emotion that each of the 28 clips was chosen to evoke."""
EMOTIONS = tuple(sorted(set(EMOTION_OF_CLIP)))
CHANNELS = (
    "Fp1", "Fp2", "Fz", "F3", "F4", "F7", "F8", "FC1", "FC2", "FC5", "FC6", "Cz", "C3", "C4", "T7", "T8", "CP1", "CP2",
    "CP5", "CP6", "Pz", "P3", "P4", "P7", "P8", "PO3", "PO4", "Oz", "O1", "O2",
)  # fmt: skip
"""The 30 electrodes on the scalp."""
SOURCE = "Chen et al. 2023, doi 10.1038/s41597-023-02650-w"
CAUTION = "All people watched the same 28 clips: a model may recognise clips instead of emotions."

INFO = DatasetInfo(
    name="faced",
    title="FACED, recordings in BIDS format (1000 or 250 Hz, 32 channels)",
    source=f"{SOURCE}; NEMAR nm000112",
    licence="Creative Commons Attribution 4.0 (CC BY 4.0)",
    obtain="bci-offline datasets get faced downloads it from https://data.nemar.org/nm000112",
    expected_files="sub-000/eeg/sub-000_task-…_eeg.bdf and …_events.tsv … sub-122",
    targets=(Target(name="emotion_label", classes=EMOTIONS, description="what the clip was chosen to evoke"),),
    channels=CHANNELS,
    rate=1000.0,
    rest_seconds=FIXATION_SECONDS,
    caution=CAUTION,
)
LAYOUT = Layout(
    labels=("emotion_label",),
    scale=(0.0, 7.0),
    lead=FIXATION_SECONDS,
    trial="video_index",
    words={"\\": "neutral"},
    units_vary=True,
)

ENTRY = bids_entry(INFO, LAYOUT, Threshold(3.5), Nemar("nm000112"))
