"""A folder of recorded sessions as a BIDS data set (Pernet et al. 2019, *Scientific Data* 6:103), without MNE-BIDS."""
