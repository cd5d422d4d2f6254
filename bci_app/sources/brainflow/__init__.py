"""Boards that BrainFlow reads."""
