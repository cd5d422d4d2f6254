"""Models for any electrodes: a linear head on tokens that are carried to fixed places on the head."""
