"""Device and precision: the one place that knows what a machine can compute on.

The processor in float32 is the reference: a resumed run is identical there to the last bit. On other devices a resumed
run repeats the same steps and draws, and sums may be rounded in another order.
"""

from __future__ import annotations

import ctypes
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from bci_app.errors import DependencyError

_KEEP_FREED, _LARGEST_KEPT = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3)."""

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
PrecisionName = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class Device:
    """What networks compute on.

    Attributes
    ----------
    name : {"cpu", "cuda", "mps"}
        Kind of device; the first one of its kind.
    precision : {"fp32", "bf16"}
        Of matrix products. Weights, norms and losses stay in float32.
    """

    name: Literal["cpu", "cuda", "mps"] = "cpu"
    precision: Literal["fp32", "bf16"] = "fp32"

    @property
    def place(self) -> torch.device:
        """The device as torch names it."""
        return torch.device(self.name)

    def autocast(self) -> AbstractContextManager[object]:
        """Return a context in which matrix products have the precision."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.name, dtype=torch.bfloat16)

    def generator(self, seed: int) -> torch.Generator:
        """Return a seeded generator whose draws lie on the device."""
        return torch.Generator(self.place).manual_seed(seed)

    def synchronise(self) -> None:
        """Wait until all that was started is done, as a measurement of time has to."""
        if self.name == "cuda":
            torch.cuda.synchronize()
        elif self.name == "mps":
            torch.mps.synchronize()

    def free_bytes(self) -> int | None:
        """Return the free memory of an accelerator in bytes; None for the processor, and where it is not known."""
        if self.name == "cuda":
            return torch.cuda.mem_get_info()[0]
        return None

    def peak_bytes(self) -> int | None:
        """Return the most memory of an accelerator that was in use, in bytes; None where it is not known."""
        return torch.cuda.max_memory_allocated() if self.name == "cuda" else None

    def describe(self) -> str:
        """Name the device, its model and the precision, for a report."""
        model = f" ({torch.cuda.get_device_name()})" if self.name == "cuda" else ""
        return f"{self.name}{model}, {self.precision}"


CPU = Device()
"""The reference."""

OutOfMemory = torch.OutOfMemoryError
"""Raised when an accelerator has too little memory."""


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for its next use.

    A training step frees as much as it took. Where that returns to the system, as glibc does by default, the next step
    waits for the same pages again, which costs a fifth of a step of the paper's size. Other C libraries are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_KEEP_FREED, 2**31 - 1)
    mallopt(_LARGEST_KEPT, 2**28)


def choose_device(name: str = "auto", precision: str = "auto") -> Device:
    """Return a device that is there.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}
        ``auto`` takes an accelerator if there is one.
    precision : {"auto", "fp32", "bf16"}
        ``auto`` is bf16 on a CUDA device that supports it, else fp32.

    Raises
    ------
    DependencyError
        If the device is not there or cannot compute with the precision.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name not in get_args(DeviceName) or precision not in get_args(PrecisionName):
        raise ValueError(f"{name} with {precision} is no device and precision")
    chosen = next(kind for kind, available in there.items() if available) if name == "auto" else name
    if not there[chosen]:
        raise DependencyError(
            f"There is no device {name} that torch {torch.__version__} can use",
            found=f"devices: {', '.join(kind for kind, available in there.items() if available)}",
            expected=f"{name}",
            fix="Use --device auto, or install the driver and a torch that supports the device.",
        )
    half = chosen == "cpu" or (chosen == "cuda" and torch.cuda.is_bf16_supported())
    if precision == "bf16" and not half:
        raise DependencyError(
            f"The device {chosen} cannot compute with bf16",
            found=f"{chosen} without bfloat16",
            expected="a device with bfloat16",
            fix="Use --precision fp32.",
        )
    if precision == "auto":
        precision = "bf16" if chosen == "cuda" and half else "fp32"
    return Device(chosen, precision)  # type: ignore[arg-type]


def onnx_provider(name: str = "auto", precision: str = "auto") -> str:
    """Return what ONNX Runtime computes an exported graph with.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}
        ``auto`` is the processor, as in a live session.
    precision : {"auto", "fp32", "bf16"}
        Exported graphs are computed in float32.

    Raises
    ------
    DependencyError
        If ONNX Runtime cannot compute on the device, or with the precision.
    """
    import onnxruntime

    provider = {"cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}.get(name, "CPUExecutionProvider")
    there = onnxruntime.get_available_providers()
    if provider not in there:
        raise DependencyError(
            f"ONNX Runtime {onnxruntime.__version__} cannot compute on {name} here",
            found=f"providers: {', '.join(there)}",
            expected=provider,
            fix="Use --device cpu, or install a build of ONNX Runtime for the device.",
        )
    if precision == "bf16":
        raise DependencyError(
            "An exported graph is not computed with bf16",
            found="--precision bf16",
            expected="fp32, the precision of its weights",
            fix="Leave --precision out.",
        )
    return provider
