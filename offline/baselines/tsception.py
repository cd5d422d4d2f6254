"""TSception: kernels of several lengths in time, then over the whole head and over each half of it.

Ding, Robinson, Zhang, Zeng & Guan, *TSception: capturing temporal dynamics and spatial asymmetry from EEG for emotion
recognition*, IEEE Trans. Affective Computing 14(3), 2023.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from offline.baselines.base import Baseline, Floats, Fold
from offline.baselines.loop import trained_probabilities

_TEMPORAL, _SPATIAL, _HIDDEN = 15, 15, 32
_LENGTHS = (0.5, 0.25, 0.125)
_POOL = 8


def halves(channels: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the places of the left electrodes and of their partners on the right, in the same order.

    Odd numbers are on the left, and their partner has the next even one: F3 and F4. Others have no partner.
    """
    places = {name.upper(): place for place, name in enumerate(channels)}
    left, right = [], []
    for name, place in places.items():
        number = re.fullmatch(r"([A-Z]+)(\d+)", name)
        if number and int(number[2]) % 2 and (partner := f"{number[1]}{int(number[2]) + 1}") in places:
            left.append(place)
            right.append(places[partner])
    return left, right


class TSception(nn.Module):
    """The network of the paper, with global average pooling before its two linear layers.

    Parameters
    ----------
    channels : sequence of str
        Names of the electrodes.
    rate : float
        Hz; the temporal kernels are 1/2, 1/4 and 1/8 s long.
    n_classes : int
        Classes.
    """

    def __init__(self, channels: Sequence[str], rate: float, n_classes: int) -> None:
        super().__init__()
        self.left, self.right = halves(channels)
        self.temporal = nn.ModuleList(_convolution(1, _TEMPORAL, (1, max(3, int(rate * s))), _POOL) for s in _LENGTHS)
        self.temporal_norm = nn.BatchNorm2d(_TEMPORAL)
        self.whole = _convolution(_TEMPORAL, _SPATIAL, (len(channels), 1), 2)
        self.halved = _convolution(_TEMPORAL, _SPATIAL, (len(self.left), 1), 2) if self.left else None
        self.spatial_norm = nn.BatchNorm2d(_SPATIAL)
        self.fusion = _convolution(_SPATIAL, _SPATIAL, (3 if self.left else 1, 1), 1)
        self.fusion_norm = nn.BatchNorm2d(_SPATIAL)
        self.head = nn.Sequential(
            nn.Linear(_SPATIAL, _HIDDEN), nn.ReLU(), nn.Dropout(0.5), nn.Linear(_HIDDEN, n_classes)
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Return the logits (batch, n_classes) of windows (batch, n_channels, n_samples)."""
        scales = torch.cat([kernel(windows[:, None]) for kernel in self.temporal], dim=-1)
        timed = self.temporal_norm(scales)  # (batch, kernels, n_channels, time)
        spatial = [self.whole(timed)]
        if self.halved is not None:
            spatial += [self.halved(timed[:, :, side]) for side in (self.left, self.right)]
        fused = self.fusion_norm(self.fusion(self.spatial_norm(torch.cat(spatial, dim=2))))
        return self.head(fused.mean(dim=(2, 3)))


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int], pool: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel), nn.LeakyReLU(), nn.AvgPool2d((1, pool)))


@dataclass(frozen=True)
class TSceptionNetwork(Baseline):
    """TSception on raw samples."""

    def predict(self, fold: Fold) -> Floats:
        """Build the network and train it."""
        spec = fold.preprocessing
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(fold.seed)
            return trained_probabilities(TSception(spec.channels, spec.rate, fold.n_classes), fold)
