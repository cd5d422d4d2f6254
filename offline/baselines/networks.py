"""Networks for raw windows as braindecode 0.8.1 has them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from offline.baselines.base import Baseline, Floats, Fold
from offline.baselines.loop import trained_probabilities


@dataclass(frozen=True)
class Shape:
    """What a network is built for: channels, samples and rate of a window, and classes."""

    n_chans: int
    n_times: int
    sfreq: float
    n_outputs: int


Build = Callable[[Shape], nn.Module]


def eegnet(shape: Shape) -> nn.Module:
    """Build EEGNet v4."""
    return _braindecode("EEGNetv4", shape)


def shallow(shape: Shape) -> nn.Module:
    """Build the shallow convolutional network."""
    return _braindecode("ShallowFBCSPNet", shape, final_conv_length="auto", add_log_softmax=False)


def deep4(shape: Shape) -> nn.Module:
    """Build the deep convolutional network of four blocks."""
    return _braindecode("Deep4Net", shape, final_conv_length="auto", add_log_softmax=False)


def conformer(shape: Shape) -> nn.Module:
    """Build the convolutional transformer."""
    n_patches = (shape.n_times - 25 + 1 - 75) // 15 + 1
    network: Any = _braindecode("EEGConformer", shape, final_fc_length=40 * n_patches, add_log_softmax=False)
    convolutions = network.patch_embedding.shallownet
    convolutions[0] = _Merged(convolutions[0], convolutions[1])
    convolutions[1] = nn.Identity()
    return network


def atcnet(shape: Shape) -> nn.Module:
    """Build the temporal convolutional network with attention."""
    return _braindecode("ATCNet", shape, add_log_softmax=False)


@dataclass(frozen=True)
class RawNetwork(Baseline):
    """A network on raw samples, trained by the one loop.

    Attributes
    ----------
    build : callable
        From the shape of a window to the network.
    least_samples : int
        Shorter windows are stretched to so many samples by linear interpolation: the network pools them away.
    """

    build: Build
    least_samples: int = 1

    def predict(self, fold: Fold) -> Floats:
        """Build the network and train it."""
        _, n_channels, n_samples = fold.tokens.shape
        stretch = max(1.0, self.least_samples / n_samples)
        shape = Shape(n_channels, round(n_samples * stretch), fold.preprocessing.rate * stretch, fold.n_classes)
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Using padding='same'", UserWarning)  # costs a copy, changes nothing
            torch.manual_seed(fold.seed)
            return trained_probabilities(_Stretched(self.build(shape), shape.n_times), fold)


class _Stretched(nn.Module):
    """A network whose windows are stretched to the samples that it is built for, and whose logits are flat."""

    def __init__(self, network: nn.Module, n_times: int) -> None:
        super().__init__()
        self.network, self._n_times = network, n_times

    def forward(self, windows: Tensor) -> Tensor:
        """Return the logits (batch, n_classes) of windows (batch, n_channels, n_samples)."""
        if windows.shape[-1] != self._n_times:
            windows = functional.interpolate(windows, size=self._n_times, mode="linear")
        return self.network(windows).flatten(1)


class _Merged(nn.Module):
    """A convolution over time and one over channels in one, which is the same function and ten times as fast."""

    def __init__(self, time: nn.Conv2d, space: nn.Conv2d) -> None:
        super().__init__()
        self.time, self.space = time, space

    def forward(self, windows: Tensor) -> Tensor:
        """Return maps (batch, maps, 1, time) of windows (batch, 1, n_channels, n_samples)."""
        over_time, over_space = self.time.weight[:, 0, 0], self.space.weight[..., 0]  # (maps, lags), (out, maps, chans)
        assert self.space.bias is not None  # braindecode's have both
        assert self.time.bias is not None
        bias = self.space.bias + over_space.sum(dim=2) @ self.time.bias
        kernel = torch.einsum("omc,ml->ocl", over_space, over_time)
        return functional.conv1d(windows[:, 0], kernel, bias)[:, :, None]


def _braindecode(name: str, shape: Shape, **options: Any) -> nn.Module:
    with warnings.catch_warnings():  # about its old spellings, and about what torch would do otherwise
        warnings.simplefilter("ignore")
        import braindecode.models as models

        common: dict[str, Any] = {"n_chans": shape.n_chans, "n_outputs": shape.n_outputs, "n_times": shape.n_times}
        if name == "ATCNet":
            common = {"n_chans": shape.n_chans, "n_outputs": shape.n_outputs, "sfreq": shape.sfreq,
                      "input_window_seconds": shape.n_times / shape.sfreq}  # fmt: skip
        return getattr(models, name)(**common, **options)
