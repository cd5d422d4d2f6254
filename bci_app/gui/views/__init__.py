"""The views: each draws one thing and knows nothing of the engine."""
