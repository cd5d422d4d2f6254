"""Where published figures come from that stand beside a run's. Each data set has its own in its entry."""

PAPER = "Li et al., IEEE Trans. Industrial Informatics 19(4), 2023 (TNAS)"
PAPER_PROTOCOL = "windows of one subject shuffled, 10-fold: as protocol paper here"
OTHERS = (
    "Independent benchmarks that hold out whole trials or subjects (LibEER, EEGain) find 51–66 % on these data sets, "
    "often no better than naming the majority class. A review of 101 DEAP studies found such leaks in about 87 % of "
    "them, worth up to 46 points (arXiv 2508.02417)."
)
