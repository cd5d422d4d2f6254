"""How good a subnet is: inherited weights on validation windows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from offline.device import CPU, Device
from offline.metrics import accuracy, balanced_accuracy
from offline.search.shared import predict_many
from offline.search.store import Metrics
from offline.supernet.model import Network
from offline.supernet.space import ArchConfig, SearchSpace
from offline.training import Examples, losses, predict


class ValidationEvaluator:
    """Evaluates subnets of a trained supernet.

    Parameters
    ----------
    model : Network
        Its weights are inherited and not changed.
    space : SearchSpace
        The space that is searched.
    validation : Examples
        The only data that is looked at.
    latency : callable, optional
        Measures the latency of a subnet in ms.
    device : Device
        Where the model is.
    """

    def __init__(
        self,
        model: Network,
        space: SearchSpace,
        validation: Examples,
        *,
        latency: Callable[[ArchConfig], float] | None = None,
        device: Device = CPU,
    ) -> None:
        self._model = model
        self._space = space
        self._validation = validation
        self._latency = latency
        self._device = device
        self._labels = losses.one_hot(torch.from_numpy(validation.labels), model.class_counts)

    def __call__(self, archs: Sequence[ArchConfig]) -> Iterator[Metrics]:
        """Yield the metrics of subnets, which are computed together."""
        found = predict_many(self._model, self._validation.tokens, archs, device=self._device)
        for arch, logits in zip(archs, found, strict=True):
            yield self._metrics(arch, logits)

    def alone(self, arch: ArchConfig) -> Metrics:
        """Return the metrics of one subnet, computed the plain way: the reference for `__call__`."""
        return self._metrics(arch, predict(self._model, self._validation.tokens, arch, device=self._device))

    def _metrics(self, arch: ArchConfig, logits: Tensor) -> Metrics:
        predicted = logits.argmax(-1).numpy()
        columns = list(zip(predicted.T, self._validation.labels.T, strict=True))
        return Metrics(
            parameters=self._model.parameters_of(arch),
            accuracy=float(np.mean([accuracy(found, labels) for found, labels in columns])),
            balanced_accuracy=float(np.mean([balanced_accuracy(found, labels) for found, labels in columns])),
            loss=float(losses.cross_entropy(logits, self._labels)),
            latency_ms=self._latency(arch) if self._latency else None,
        )

    @property
    def identity(self) -> str:
        """Digest of all that the metrics depend on."""
        digest = hashlib.sha256(repr((self._space, self._latency is not None)).encode())
        for name, value in self._model.state_dict().items():
            digest.update(name.encode() + value.cpu().numpy().tobytes())
        for array in self._validation:
            digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
