"""Electrodes: their names, their places on the head, their neighbours, and interpolation between them."""
