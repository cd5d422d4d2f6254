"""Data sets that their owners pass on themselves, and whom to ask. Those with a loader are in the registry."""

from __future__ import annotations

ON_REQUEST = {
    "seed-iv": "SEED-IV: BCMI, Shanghai Jiao Tong University, gives access on request: "
    "https://bcmi.sjtu.edu.cn/home/seed/seed-iv.html",
    "seed-v": "SEED-V: BCMI, Shanghai Jiao Tong University, gives access on request: "
    "https://bcmi.sjtu.edu.cn/home/seed/seed-v.html",
    "amigos": "AMIGOS: Queen Mary University of London gives access after a signed end-user licence agreement: "
    "http://www.eecs.qmul.ac.uk/mmv/datasets/amigos/",
}
"""What to do for each, by name."""
