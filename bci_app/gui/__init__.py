"""The session window, the only place with Qt."""
