"""Choosing source and model before a session."""
