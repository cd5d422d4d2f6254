"""A found subnet that reads raw EEG: a module for braindecode and skorch, and a classifier for MOABB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors.torch import load
from sklearn.base import BaseEstimator, ClassifierMixin
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


class SubnetClassifier(ClassifierMixin, BaseEstimator):
    """A found subnet as a classifier of scikit-learn, for a pipeline of MOABB. It has learnt; `fit` teaches it nothing.

    Parameters
    ----------
    run : path
        Folder of a finished run.
    sfreq : float
        Hz.
    classes : sequence, optional
        The labels of `y` in the order of the target's classes; the names of these classes by default. MOABB encodes
        labels in the order of the alphabet: high 0, low 1.
    ch_names : sequence of str, optional
        Channels of the segments; those of the model by default.
    target : str, optional
        The target; the first one by default.
    rest : array_like, shape (n_chans, n_samples), optional
        µV. The person's rest, if segments do not begin with it.
    """

    def __init__(
        self,
        run: str | Path,
        sfreq: float,
        *,
        classes: Sequence[object] | None = None,
        ch_names: Sequence[str] | None = None,
        target: str | None = None,
        rest: ArrayLike | None = None,
    ) -> None:
        self.run, self.sfreq, self.classes = run, sfreq, classes
        self.ch_names, self.target, self.rest = ch_names, target, rest

    def fit(self, X: ArrayLike, y: ArrayLike) -> SubnetClassifier:
        """Open the run, and check that segments (n, n_chans, n_times) in µV and labels fit it.

        Raises
        ------
        DatasetError
            If they do not.
        """
        _, n_chans, n_times = np.shape(X)
        targets = {target.name: target.classes for target in RunRecord.read(Path(self.run)).targets}
        names = targets.get(self.target or next(iter(targets)), ())
        order = np.asarray(names if self.classes is None else self.classes)
        if unknown := sorted(set(np.unique(y).tolist()) - set(order.tolist()), key=str):
            raise DatasetError(
                f"The run in {self.run} does not know these labels",
                found=", ".join(map(str, unknown)),
                expected=", ".join(map(str, order.tolist())),
                fix=f"Pass as classes what stands for {', '.join(names)}, in this order.",
            )
        info = None if self.ch_names is None else [{"ch_name": name} for name in self.ch_names]
        options = {"chs_info": info, "target": self.target, "rest": self.rest}
        self.module_ = FoundSubnet(self.run, n_chans, n_times, len(order), self.sfreq, **options).eval()  # type: ignore[arg-type]
        self.order_ = np.argsort(order)
        self.classes_ = order[self.order_]
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each of `classes_` for each segment, shape (n, n_classes)."""
        with torch.inference_mode():
            logits = self.module_(torch.from_numpy(np.asarray(X, dtype=np.float64)))
        return np.asarray(torch.softmax(logits.double(), dim=1).numpy()[:, self.order_])

    def predict(self, X: ArrayLike) -> NDArray[np.generic]:
        """Return the likelier class of each segment."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])
