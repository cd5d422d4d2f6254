"""DGCNN: a graph of electrodes whose edges are learnt.

Song, Zheng, Song & Cui, *EEG emotion recognition using dynamical graph convolutional neural networks*, IEEE Trans.
Affective Computing 11(3), 2020 (first 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from offline.baselines.base import Baseline, Floats, Fold
from offline.baselines.loop import trained_probabilities

_ORDER, _HIDDEN = 2, 64


class DynamicGraph(nn.Module):
    """One graph convolution by Chebyshev polynomials over a learnt adjacency, then two linear layers.

    Parameters
    ----------
    n_channels, n_features, n_classes : int
        Nodes, features of a node, and classes.
    """

    def __init__(self, n_channels: int, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(n_features)
        self.adjacency = nn.Parameter(torch.rand(n_channels, n_channels) * 0.1 + 1 / n_channels)
        self.filters = nn.ModuleList(nn.Linear(n_features, _HIDDEN, bias=False) for _ in range(_ORDER))
        self.bias = nn.Parameter(torch.zeros(_HIDDEN))
        self.head = nn.Sequential(
            nn.Linear(n_channels * _HIDDEN, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, n_classes)
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return the logits (batch, n_classes) of features (batch, n_channels, n_features)."""
        nodes = self.norm(windows.transpose(1, 2)).transpose(1, 2)
        hidden = sum(filtered(power @ nodes) for filtered, power in zip(self.filters, self._polynomials(), strict=True))
        return self.head(torch.relu(hidden + self.bias).flatten(1))

    def _polynomials(self) -> list[Tensor]:
        """Return the Chebyshev polynomials of the scaled Laplacian, each (n_channels, n_channels)."""
        edges = torch.relu(self.adjacency)
        scale = edges.sum(dim=1).clamp(min=1e-6).rsqrt()
        identity = torch.eye(len(edges))
        laplacian = identity - scale[:, None] * edges * scale[None, :]
        # The largest eigenvalue of a normalised Laplacian is at most 2.
        found = [identity, laplacian - identity]
        while len(found) < _ORDER:
            found.append(2 * found[1] @ found[-1] - found[-2])
        return found[:_ORDER]


@dataclass(frozen=True)
class GraphNetwork(Baseline):
    """DGCNN on the band features of every electrode."""

    def predict(self, fold: Fold) -> Floats:
        """Build the network and train it."""
        _, n_channels, n_features = fold.tokens.shape
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(fold.seed)
            return trained_probabilities(DynamicGraph(n_channels, n_features, fold.n_classes), fold)
