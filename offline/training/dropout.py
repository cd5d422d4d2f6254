"""Dropout with many draws from one random number.

Random numbers cost more than the rest of dropout: with torch's own, 40 % of a training step of the paper's size. Here
an element is kept if a random byte is below a limit, so one 64-bit number serves eight elements, and the probability
is rounded to 1/256. At the paper's probability of a half a bit is enough, and it is made a factor without comparing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from offline.device import CPU, Device

_LEVELS = 256

_TWO = 0x40000000
"""The number 2 in single precision: one bit of 32. Where that bit is random, the number is 0 or 2."""

_SHIFTS = torch.arange(31, dtype=torch.int32)
"""Those that move a bit of a word to the place of the bit of `_TWO`."""


class ByteDropout:
    """Dropout (Srivastava et al. 2014) of one job or a stack of jobs, each with its own draws.

    A job in a stack draws the same bytes as it does alone.

    Parameters
    ----------
    probability : float
        Chance of an element to be zeroed; kept elements are divided by the rest.
    seeds : sequence of int
        One for each job. Without `sizes` there is one job, whose tensors have no axis of jobs.
    sizes : sequence of int, optional
        Windows of each job in a stack (jobs, batch, …), to be set before each step. Only these have draws.
    device : Device
        Where the tensors lie.
    """

    def __init__(
        self, probability: float, seeds: Sequence[int], *, sizes: Sequence[int] | None = None, device: Device = CPU
    ) -> None:
        self._limit = round(_LEVELS * (1 - probability))
        self.sizes = sizes
        self._device = device
        self._sources = [np.random.Generator(np.random.SFC64(seed)) for seed in seeds] if device.name == "cpu" else []
        self._generator = device.generator(seeds[0]) if device.name != "cpu" else None

    def __call__(self, x: Tensor) -> Tensor:
        """Zero elements of x at random and scale the others."""
        if self._limit == _LEVELS:
            return x
        return x * self._factors(x).to(x.dtype)

    def _factors(self, x: Tensor) -> Tensor:
        """Draw a factor for each element of x: 0, or 1 over the share that is kept."""
        if self._generator is not None:
            drawn = torch.randint(
                _LEVELS, x.shape, dtype=torch.uint8, device=self._device.place, generator=self._generator
            )
            return (drawn < self._limit).to(x.dtype) * (_LEVELS / self._limit)
        if self.sizes is None:
            return self._drawn(self._sources[0], x.numel()).view(x.shape)
        factors = torch.zeros((len(self._sources), x[0].numel()))
        for source, row, size in zip(self._sources, factors, self.sizes, strict=True):
            count = size * x[0, 0].numel()
            row[:count] = self._drawn(source, count)
        return factors.view(x.shape)

    def _drawn(self, source: np.random.Generator, count: int) -> Tensor:
        """Draw the factors of some elements of one job, shape (count,)."""
        if self._limit == _LEVELS // 2:
            words = torch.from_numpy(_random_bytes(source, 4 * -(-count // len(_SHIFTS))).view(np.int32))
            factors = torch.bitwise_left_shift(words, _SHIFTS[:, None]).bitwise_and_(_TWO)
            return factors.view(torch.float32).flatten()[:count]
        kept = torch.from_numpy(_random_bytes(source, count)) < self._limit
        return kept.float().mul_(_LEVELS / self._limit)


def _random_bytes(source: np.random.Generator, count: int) -> np.ndarray:
    words = source.integers(0, 2**64 - 1, endpoint=True, dtype=np.uint64, size=-(-count // 8))
    return words.view(np.uint8)[:count]
