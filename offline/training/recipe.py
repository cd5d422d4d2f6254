"""The settings of a training run."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_SMALL_BATCH = 16

Probability = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class Recipe(BaseModel):
    """How a network is trained.

    Attributes
    ----------
    epochs, batch_size : int
        Passes over the training windows, and windows in a step.
    steps : int
        Least number of steps. If there are too few windows for it, batches are small (16). If that is not
        enough, more epochs are trained.
    few_epochs : int
        Epochs if batches are small, unless `steps` asks for more; 0 for `epochs`.
    optimizer : {"adam", "adamw"}
        AdamW decouples `weight_decay` from the gradient (Loshchilov & Hutter 2019).
    learning_rate, weight_decay : float
        Largest learning rate; decay.
    warm_up : int
        Epochs of linear rise before the cosine decay to zero.
    patience : int
        Training stops after so many epochs without a better validation loss; 0 for never. With
        patience the weights of the best epoch are kept, without it those of the last.
    dropout : float
        Chance of each value inside the network being zeroed.
    label_smoothing : float
        Share of the probability that is spread over all classes.
    class_weights : bool
        Weight the loss by the inverse frequency of classes.
    mixup : float
        Beta parameter of mixup (Zhang et al. 2018); 0 for none.
    feature_noise : float
        Standard deviation of the noise that is added to every feature, in units of the tokens.
    channel_dropout : float
        Chance of each channel's token being zeroed.
    time_mask : float
        Longest part of each window that is zeroed, as a share; for raw tokens.
    sandwich : int
        0: one random subnet is trained in each step. n > 0: the sandwich rule with in-place
        distillation (Yu & Huang 2019). The largest subnet learns the labels; the smallest and n random
        subnets learn the probabilities of the largest.
    average : float
        Decay in each step of the moving average of the weights, which are used in the end; 0 for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)] = 64
    steps: Annotated[int, Field(ge=0)] = 0
    few_epochs: Annotated[int, Field(ge=0)] = 0
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    warm_up: Annotated[int, Field(ge=0)] = 0
    patience: Annotated[int, Field(ge=0)] = 0
    dropout: Probability = 0.0
    label_smoothing: Probability = 0.0
    class_weights: bool = False
    mixup: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    feature_noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    channel_dropout: Probability = 0.0
    time_mask: Probability = 0.0
    sandwich: Annotated[int, Field(ge=0)] = 0
    average: Probability = 0.0

    def for_windows(self, n: int) -> Recipe:
        """Return the recipe for `n` training windows: with small batches if they are too few for `steps`."""
        if n * self.epochs >= self.steps * self.batch_size:
            return self
        batch = min(_SMALL_BATCH, self.batch_size)
        epochs = max(self.few_epochs or self.epochs, math.ceil(self.steps / max(1, n // batch)))
        return self.model_copy(update={"batch_size": batch, "epochs": epochs})

    def learning_rate_at(self, epoch: float) -> float:
        """Return the learning rate after `epoch` epochs, which may be a fraction: linear rise, then cosine decay."""
        if epoch < self.warm_up:
            return self.learning_rate * epoch / self.warm_up
        progress = (epoch - self.warm_up) / max(1e-9, self.epochs - self.warm_up)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


RECIPES = {
    # Li et al. 2023; learning rate and batch size are not stated there.
    "paper": Recipe(epochs=400, batch_size=64, optimizer="adam", learning_rate=1e-3, dropout=0.5, patience=50),
    # Chosen by measurement: docs/compact-preset.md.
    "compact": Recipe(
        epochs=16,
        batch_size=64,
        steps=225,
        few_epochs=8,
        optimizer="adamw",
        learning_rate=3e-3,
        weight_decay=0.05,
        warm_up=1,
        class_weights=True,
        mixup=1.0,
        feature_noise=0.3,
        channel_dropout=0.2,
        average=0.99,
    ),
}
