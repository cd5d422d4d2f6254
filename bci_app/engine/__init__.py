"""The live engine: pull, preprocess, predict, publish."""
