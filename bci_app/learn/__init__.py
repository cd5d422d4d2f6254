"""A model of one person, learnt from their own labelled trials in seconds, without torch."""
