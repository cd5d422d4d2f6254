"""A study on the screen: what the participant sees, and what the operator steers it with."""
