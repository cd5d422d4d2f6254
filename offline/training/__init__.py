"""Training of the supernet: recipes, losses, augmentation, checkpoints and the loop."""

from offline.training.loop import Epoch, Examples, History, Job, predict
from offline.training.recipe import RECIPES, Recipe

__all__ = ["RECIPES", "Epoch", "Examples", "History", "Job", "Recipe", "predict"]
