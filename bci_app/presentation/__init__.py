"""What a session shows, for any face of it: a window, a terminal, a page. No Qt."""
