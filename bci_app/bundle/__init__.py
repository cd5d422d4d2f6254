"""The bundle: all that passes from training to the live app."""
