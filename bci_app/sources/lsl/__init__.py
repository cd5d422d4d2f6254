"""Lab Streaming Layer: streams of samples and of markers."""
