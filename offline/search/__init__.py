"""Search for subnets of a trained supernet."""
