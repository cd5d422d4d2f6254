"""A found subnet as a module of PyTorch that reads raw EEG, as braindecode, skorch and MOABB expect one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors.torch import load
from torch import Tensor, nn

from bci_app.errors import DatasetError
from offline.datasets.base import Trial
from offline.datasets.windows import trial_windows
from offline.run.fold import SUBNET_FILE
from offline.run.record import RunRecord
from offline.supernet.model import Network, line_layer
from offline.supernet.space import ArchConfig


class FoundSubnet(nn.Module):
    """The network that a run exported, with its preprocessing inside.

    Each segment goes through the live preprocessing from its first sample, and its last window is classified. Filters
    and baseline are measured in NumPy, so that gradients reach the network and not the signal.

    Parameters
    ----------
    run : path
        Folder of a finished run.
    n_chans, n_times, n_outputs, sfreq
        Channels, samples, classes, and rate in Hz, as braindecode names them. A segment holds a window, what filters
        need to settle, and the rest baseline before it where the model has one and `rest` is not there.
    chs_info : sequence of mapping, optional
        Channels as MNE describes them, of which ``ch_name`` is read; by default the channels of the model.
    target : str, optional
        The target; the first one by default.
    rest : array_like, shape (n_chans, n_samples), optional
        µV. The person's rest, if segments do not begin with it.

    Raises
    ------
    DatasetError
        If the run does not fit these numbers, or a segment is too short for a window.
    PreprocessingError
        If it is too short for the rest baseline.
    FileError
        If the run is not finished.
    """

    def __init__(
        self,
        run: str | Path,
        n_chans: int,
        n_times: int,
        n_outputs: int,
        sfreq: float,
        *,
        chs_info: Sequence[Mapping[str, object]] | None = None,
        target: str | None = None,
        rest: ArrayLike | None = None,
    ) -> None:
        super().__init__()
        record = RunRecord.read(Path(run))
        known = {each.name: each for each in record.targets}
        name = target or record.targets[0].name
        self.spec, self.sfreq = record.preprocessing, float(sfreq)
        self.channels = tuple(str(each["ch_name"]) for each in chs_info) if chs_info else self.spec.channels
        self._rest = None if rest is None else np.asarray(rest, dtype=np.float64).T
        if name not in known:
            raise DatasetError("The run has no such target", found=name, expected=", ".join(known))
        wanted = n_chans, n_outputs
        here = len(self.channels), len(known[name].classes)
        if wanted != here:
            raise DatasetError(
                f"The run in {run} does not fit",
                found=f"{n_chans} channels and {n_outputs} classes",
                expected=f"{here[0]} channels and {here[1]} classes of {name}",
                fix="Pass the channels as chs_info, and the classes of the target as n_outputs.",
            )
        member = next(each for each in record.final if name in each.targets)
        self._column, self._classes = member.targets.index(name), n_outputs
        self.temperature = member.temperatures[self._column]
        self.network = Network(
            ArchConfig(member.embed_dim, member.heads, member.mlp_ratios),
            n_channels=len(self.spec.channels),
            n_features=self.spec.n_features,
            class_counts=tuple(len(known[each].classes) for each in member.targets),
        )
        if member.lines:
            self.network.line = line_layer(self.network)
        self.network.load_state_dict(load((Path(run) / member.folder / SUBNET_FILE).read_bytes()))
        self._tokens(np.random.default_rng(0).standard_normal((n_chans, n_times)))  # refuses a short segment now

    def forward(self, x: Tensor) -> Tensor:
        """Return calibrated logits (batch, n_outputs) of segments (batch, n_chans, n_times) in µV."""
        tokens = np.stack([self._tokens(segment) for segment in x.detach().cpu().double().numpy()])
        logits: Tensor = self.network(torch.from_numpy(tokens).to(x.device)).logits
        return logits[:, self._column, : self._classes] / self.temperature

    def _tokens(self, segment: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the network input (n_channels, n_features) of the last window of a segment."""
        trial = Trial("", "1", "1", segment.T, self.sfreq, self.channels, {}, rest=self._rest)
        tokens, _ = trial_windows(trial, self.spec)
        if not len(tokens):
            raise DatasetError(
                "A segment is too short",
                found=f"{segment.shape[1] / self.sfreq:g} s",
                expected=f"a window of {self.spec.window_seconds:g} s after filters have settled and rest was measured",
                fix="Cut longer segments, or pass the person's rest.",
            )
        return tokens[-1]
