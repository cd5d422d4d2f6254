"""A study: trials with stimuli and ratings, recorded with markers that say what was shown when. No Qt."""
