"""The weight-sharing transformer and its search space."""
