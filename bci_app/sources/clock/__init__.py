"""When each sample of a stream was due, and which samples were lost."""
