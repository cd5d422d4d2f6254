"""Presets: what a run does where nothing else is said.

``paper`` is the TNAS paper (Li et al. 2023) at full size. ``compact`` trains on two cores in
minutes; its numbers were chosen by the measurements in ``docs/compact-preset.md``. It searches nothing unless it is
asked to, since on small data a found subnet is no better than any other.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bci_app.bundle import LoadedBundle, find_bundle, load_bundle
from bci_app.errors import BundleError
from bci_app.preprocessing.spec import (
    AverageReference,
    BandPass,
    LogBandPowerToken,
    NoBaseline,
    PreprocessingSpec,
    RawToken,
    RestBaseline,
)
from offline.datasets.base import DatasetInfo
from offline.export.weights import check_tokens, read_networks
from offline.search.evolution import Evolution, Objective
from offline.search.nsga2 import NsgaSettings
from offline.supernet.space import SPACES, SearchSpace
from offline.training import RECIPES, Recipe

BANDS = ((4, 6), (6, 8), (8, 10), (10, 13), (13, 17), (17, 22), (22, 28), (28, 36), (36, 45))
"""Theta, alpha, beta and gamma in two, two, three and two parts, Hz."""

POWER_BANDS = ((4, 8), (8, 13), (13, 30), (30, 45))
"""Theta, alpha, beta and gamma, Hz: as narrow as windows of 1 s can measure, and what the simple reference reads."""

SINE_TAPERS = 10
"""Tapers of a 4-s window: bands are smeared by 1.4 Hz and vary little from window to window."""

DRIFT_FILTER = BandPass(low=1, high=60)
"""Takes out the drift of electrodes, which many tapers would smear into the slow bands; 1 s to settle."""

LONG_REST = 15.0
"""Seconds of rest from which a standard deviation can be measured."""

MANY_CHANNELS = 16
"""Channels from which their average is a reference to speak of."""

ROLLING_SECONDS = 10.0

SEARCH_SAMPLE = 8
"""Subnets on which the ranking by inherited weights is checked; fewer say nothing."""

Networks = Literal["each", "shared"]
Strategy = Literal["none", "evolution", "nsga2"]


class Start(BaseModel):
    """The bundle that the networks of a run begin with: its folder, and the hash of its graph."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    model_sha256: str

    @classmethod
    def of(cls, bundle: str) -> Start:
        """Name a bundle, by its folder or as one that ships.

        Raises
        ------
        BundleError
            If it holds no network.
        """
        loaded = load_bundle(find_bundle(bundle))
        read_networks(loaded)
        return cls(folder=str(loaded.folder), model_sha256=loaded.spec.model_sha256)

    def load(self) -> LoadedBundle:
        """Read the bundle again.

        Raises
        ------
        BundleError
            If it is not there any more, or is another one.
        """
        loaded = load_bundle(self.folder)
        if loaded.spec.model_sha256 != self.model_sha256:
            raise BundleError(
                f"The bundle in {self.folder} is not the one that the run began with",
                found=f"sha256 {loaded.spec.model_sha256[:16]}…",
                expected=f"sha256 {self.model_sha256[:16]}…",
                fix="Start another run.",
            )
        return loaded


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
        How it is searched; of NSGA-II's front the best subnet by its objective is taken.
    strategy : {"none", "evolution", "nsga2"}
        No search but one network of middle choices, the paper's search, or NSGA-II over validation error and
        parameters.
    latency : bool
        Measure the latency of every subnet that is looked at; NSGA-II minimises it too.
    networks : {"each", "shared"}
        A network for each target, or one network with a head a target.
    finetune : int
        Epochs that the found subnet is trained on, on training and validation windows, from its
        inherited weights; 0 for none.
    finetune_rate : float
        Learning rate of fine-tuning over that of training.
    protocol : str
        Protocol of the splits.
    folds : int
        Folds of the cross-validation.
    search_controls : int
        Subnets on which the ranking by inherited weights is compared with that of separate training, beside what
        else the search is compared with (`offline.search.controls`); 0 for no comparison. Of `compact` they would take
        most of the time of a run, so they are asked for.
    start : Start or None
        The bundle whose weights the networks begin with, and whose preprocessing is used; None to begin from nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    tokens: Literal["raw", "band power"]
    space: SearchSpace
    recipe: Recipe
    search: Evolution
    strategy: Strategy = "evolution"
    latency: bool = False
    networks: Networks = "shared"
    finetune: Annotated[int, Field(ge=0)] = 0
    finetune_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    protocol: str
    folds: Annotated[int, Field(ge=2)]
    search_controls: Annotated[int, Field(ge=0)] = 0
    start: Start | None = None

    def preprocessing(self, info: DatasetInfo) -> PreprocessingSpec:
        """Return the preprocessing for a data set.

        Raises
        ------
        BundleError
            If the bundle to begin with is not there, or needs channels that the data set lacks.
        """
        if self.start is not None:
            bundle = self.start.load()
            check_tokens(bundle, info.channels)
            return bundle.spec.preprocessing
        if self.tokens == "raw":
            return paper_preprocessing(info)
        return band_power_preprocessing(info)

    def changed(
        self,
        *,
        epochs: int | None = None,
        generations: int | None = None,
        finetune: int | None = None,
        networks: Networks | None = None,
        strategy: Strategy | None = None,
        latency: bool = False,
        search_controls: int | None = None,
        search: Evolution | None = None,
        start: Start | None = None,
    ) -> Preset:
        """Return the preset with other settings where they are given. Given epochs are used as they are.

        Where nothing is searched, whatever belongs to a search asks for the paper's. So does a bundle to begin with:
        its network is a subnet of the space, and seldom the middle one.
        """
        of_a_search = generations or search_controls or latency or search is not None or start is not None
        if strategy is None and not self.searched and of_a_search:
            strategy = "evolution"
        recipe = self.recipe if epochs is None else self.recipe.model_copy(update={"epochs": epochs, "steps": 0})
        search = search or self.search
        if generations is not None:
            search = search.model_copy(update={"generations": generations})
        given = {
            "start": start,
            "finetune": finetune,
            "networks": networks,
            "strategy": strategy,
            "latency": latency or None,
            "search_controls": search_controls,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        return self.model_copy(update={"recipe": recipe, "search": search, **changes})

    @property
    def searched(self) -> bool:
        """True if the space is searched."""
        return self.strategy != "none"

    @property
    def trained_space(self) -> SearchSpace:
        """The space whose subnets are trained: where nothing is searched, the subnet of middle choices alone."""
        return self.space if self.searched else self.space.middle

    @property
    def search_in_words(self) -> str:
        """What is searched and how, or which network is trained without a search."""
        space = self.trained_space
        if not self.searched:
            arch = space.largest
            size = f"{arch.embed_dim} wide, {arch.depth} layers of {arch.heads[0]} heads, MLP ratio"
            return f"none, one network of middle size ({size} {arch.mlp_ratios[0]:g})"
        how = {"evolution": "evolution", "nsga2": "NSGA-II"}[self.strategy]
        return f"{how} over {space.count()} subnets of {space.depths[0]} to {space.depths[-1]} layers"

    @property
    def latency_searched(self) -> bool:
        """True if latency is an objective of the search, and not measured alone."""
        return self.latency and self.strategy == "nsga2"

    @property
    def pareto(self) -> NsgaSettings:
        """The settings of NSGA-II: as many subnets in a generation as the evolution has, and as many redrawn genes."""
        return NsgaSettings(
            population=self.search.population,
            generations=self.search.generations,
            mutation_probability=self.search.mutation_probability,
            latency=self.latency,
        )

    @property
    def finetune_recipe(self) -> Recipe:
        """The recipe of fine-tuning: its own length and learning rate, no warm-up, no early stopping."""
        return self.recipe.model_copy(
            update={
                "epochs": max(1, self.finetune),
                "steps": round(self.recipe.steps * self.finetune / self.recipe.epochs),
                "few_epochs": 0,
                "learning_rate": self.recipe.learning_rate * self.finetune_rate,
                "patience": 0,
                "warm_up": 0,
                "sandwich": 0,
            }
        )


def band_power_preprocessing(info: DatasetInfo) -> PreprocessingSpec:
    """Log band power, referred to as much rest as the data set offers.

    From 15 s of rest on, 4-s windows every second are z-scored per feature against up to 30 s of it, spectra are means
    over several tapers, and many channels are referred to their average. A shorter rest has no deviation to speak of:
    1-s windows are the log ratio to its mean, in four wide bands. Without rest, log powers of 4-s windows every 2 s
    are what they are.
    """
    rate = 128
    rest = min(30, math.floor(info.rest_seconds))
    long = rest >= LONG_REST
    window, hop = (4, 1) if long else (1, 1) if rest else (4, 2)
    average = not info.referenced or (long and len(info.channels) >= MANY_CHANNELS)
    kind: Literal["feature", "template"] = "feature" if long else "template"
    steps = (*((DRIFT_FILTER,) if long else ()), *((AverageReference(),) if average else ()))
    return PreprocessingSpec(
        channels=info.channels,
        rate=rate,
        steps=steps,
        warm_up=rate if long else 0,
        window=window * rate,
        hop=hop * rate,
        token=LogBandPowerToken(
            bands=POWER_BANDS if rest and not long else BANDS, sine_tapers=SINE_TAPERS if long else 0
        ),
        baseline=RestBaseline(kind=kind, samples=rest * rate) if rest else NoBaseline(),
    )


def paper_preprocessing(info: DatasetInfo) -> PreprocessingSpec:
    """Raw 1-s windows less the mean 1-s window of rest, z-scored across channels.

    The mean is over all whole seconds of the rest, 60 at most: three for DEAP, as in the paper.
    """
    rate = 128
    rest = min(60, math.floor(info.rest_seconds))
    return PreprocessingSpec(
        channels=info.channels,
        rate=rate,
        steps=(BandPass(low=4, high=45), AverageReference()),
        window=rate,
        hop=rate,
        token=RawToken(),
        baseline=RestBaseline(kind="template", samples=rest * rate) if rest else NoBaseline(),
        across_channels=True,
    )


PRESETS = {
    "paper": Preset(
        name="paper",
        tokens="raw",
        space=SPACES["paper"],
        recipe=RECIPES["paper"],
        search=Evolution(),
        networks="each",
        protocol="paper",
        folds=10,
        search_controls=SEARCH_SAMPLE,
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
            objective=Objective(accuracy="balanced_accuracy", size_weight=0.0002),
        ),
        strategy="none",
        finetune=12,
        finetune_rate=1.0,
        protocol="subjects",
        folds=5,
    ),
}
