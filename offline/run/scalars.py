"""Learning curves for TensorBoard while a network trains."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from offline.training import Epoch

FOLDER = "tensorboard"


class Scalars:
    """Writes event files where TensorBoard is installed, and nothing where it is not.

    Files of an earlier, interrupted training are replaced: its epochs are reported again.
    """

    def __init__(self, folder: Path) -> None:
        self._writer: Any = None
        if importlib.util.find_spec("tensorboard") is None:
            return
        from torch.utils.tensorboard import SummaryWriter

        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        self._writer = SummaryWriter(str(folder / FOLDER))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def epoch(self, stage: str, epoch: Epoch) -> None:
        """Write what one epoch gave."""
        self._write(f"{stage}/loss", {"train": epoch.train_loss, "validation": epoch.validation_loss}, epoch.epoch)
        self._write(stage, {"validation accuracy": epoch.validation_accuracy}, epoch.epoch)
        self._write(stage, {"learning rate": epoch.learning_rate}, epoch.epoch)

    def generation(self, number: int, best_accuracy: float, parameters: int) -> None:
        """Write the most accurate subnet of one generation."""
        self._write("search", {"best balanced accuracy": best_accuracy, "its parameters": parameters}, number)

    def _write(self, group: str, values: dict[str, float | int | None], step: int) -> None:
        if self._writer is None:
            return
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(f"{group}/{name}", value, step)
