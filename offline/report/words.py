"""What a report says in words of the search."""

from __future__ import annotations

HYPERVOLUME = {
    False: "Hypervolume: the area between the front of the subnets evaluated so far and an error of 1 at the largest "
    "size, in million parameters.",
    True: "The front is that of error, size and latency; lines bound it as seen here, without latency. Hypervolume: "
    "the volume between the front of the subnets evaluated so far and an error of 1 at the largest size and the "
    "slowest subnet’s latency, in million parameters and ms.",
}
"""What the hypervolume is, by whether latency was an objective of the search."""
