"""Presets: what a run does where nothing else is said.

``paper`` is the TNAS paper (Li et al. 2023) at full size. ``compact`` trains on two cores in
minutes; its numbers were chosen by the measurements in ``docs/compact-preset.md``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bci_app.preprocessing.spec import (
    AverageReference,
    BandPass,
    LogBandPowerToken,
    PreprocessingSpec,
    RawToken,
    RestBaseline,
)
from offline.datasets.base import DatasetInfo
from offline.search.evolution import Evolution, Score
from offline.supernet.space import SPACES, SearchSpace
from offline.training import RECIPES, Recipe

BANDS = ((4, 6), (6, 8), (8, 10), (10, 13), (13, 17), (17, 22), (22, 28), (28, 36), (36, 45))
"""Theta, alpha, beta and gamma in two, two, three and two parts, Hz."""

ROLLING_SECONDS = 10.0

DEMO_SUBJECTS = {"eegmat": ("Subject01",)}
"""Subjects whose recordings the demo replays: in no training, validation or test set."""


class Preset(BaseModel):
    """Everything that determines a run besides the data.

    Attributes
    ----------
    name : str
        What it is called.
    tokens : {"raw", "band power"}
        What a channel's token is.
    space : SearchSpace
        What is searched.
    recipe : Recipe
        How the supernet is trained.
    search : Evolution
        How it is searched.
    finetune : int
        Epochs that the found subnet is trained on, on training and validation windows, from its
        inherited weights; 0 for none.
    finetune_rate : float
        Learning rate of fine-tuning over that of training.
    protocol : str
        Protocol of the splits.
    folds : int
        Folds of the cross-validation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    tokens: Literal["raw", "band power"]
    space: SearchSpace
    recipe: Recipe
    search: Evolution
    finetune: Annotated[int, Field(ge=0)] = 0
    finetune_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    protocol: str
    folds: Annotated[int, Field(ge=2)]

    def preprocessing(self, info: DatasetInfo) -> PreprocessingSpec:
        """Give the preprocessing for a data set."""
        if self.tokens == "raw":
            return paper_preprocessing(info)
        return band_power_preprocessing(info)

    def changed(
        self, *, epochs: int | None = None, generations: int | None = None, finetune: int | None = None
    ) -> Preset:
        """Give the preset with other lengths where they are given."""
        recipe = self.recipe if epochs is None else self.recipe.model_copy(update={"epochs": epochs})
        search = self.search if generations is None else self.search.model_copy(update={"generations": generations})
        return self.model_copy(
            update={"recipe": recipe, "search": search, "finetune": self.finetune if finetune is None else finetune}
        )

    @property
    def finetune_recipe(self) -> Recipe:
        """The recipe of fine-tuning: its own length and learning rate, no warm-up, no early stopping."""
        return self.recipe.model_copy(
            update={
                "epochs": max(1, self.finetune),
                "learning_rate": self.recipe.learning_rate * self.finetune_rate,
                "patience": 0,
                "warm_up": 0,
                "sandwich": 0,
            }
        )


def band_power_preprocessing(info: DatasetInfo) -> PreprocessingSpec:
    """Log band power of 4-s windows every second, z-scored per feature against 30 s of rest."""
    rate = 128
    return PreprocessingSpec(
        channels=info.channels,
        rate=rate,
        window=4 * rate,
        hop=rate,
        token=LogBandPowerToken(bands=BANDS),
        baseline=RestBaseline(kind="feature", samples=30 * rate),
    )


def paper_preprocessing(info: DatasetInfo) -> PreprocessingSpec:
    """Raw 1-s windows less the mean of three 1-s rest windows, z-scored across channels."""
    rate = 128
    return PreprocessingSpec(
        channels=info.channels,
        rate=rate,
        band_pass=BandPass(low=4, high=45),
        reference=AverageReference(),
        window=rate,
        hop=rate,
        token=RawToken(),
        baseline=RestBaseline(kind="template", samples=3 * rate),
        across_channels=True,
    )


PRESETS = {
    "paper": Preset(
        name="paper",
        tokens="raw",
        space=SPACES["paper"],
        recipe=RECIPES["paper"],
        search=Evolution(),
        protocol="paper",
        folds=10,
    ),
    "compact": Preset(
        name="compact",
        tokens="band power",
        space=SPACES["compact"],
        recipe=RECIPES["compact"],
        search=Evolution(
            population=24,
            generations=6,
            kept=12,
            mutations=12,
            crossovers=12,
            score=Score(accuracy="balanced_accuracy", size_weight=0.0002),
        ),
        finetune=12,
        finetune_rate=1.0,
        protocol="subjects",
        folds=5,
    ),
}
