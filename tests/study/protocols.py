"""Small protocols for the tests of studies."""

from __future__ import annotations

from pathlib import Path

HEAD = """
format = "bci-app-study"
version = 1
name = "tiny"
title = "Tiny"
task = "tiny"
"""

SCALES = """
[[scales]]
name = "valence"
[[scales]]
name = "effort"
kind = "words"
words = ["none", "some", "much"]
"""

BLOCKS = """
[[blocks]]
kind = "instruction"
text = { en = "Read this.", de = "Lesen Sie dies." }
[[blocks]]
kind = "rest"
seconds = 10
[[blocks]]
kind = "trials"
order = "balanced"
repetitions = 3
fixation = 1
pause = 2
ratings = ["valence", "effort"]
[[blocks.trials]]
name = "happy"
seconds = 5
intended = { valence = "high" }
stimulus = { kind = "text", text = "A happy moment" }
[[blocks.trials]]
name = "sad"
seconds = 5
intended = { valence = "low" }
stimulus = { kind = "text", text = "A sad moment" }
"""

TINY = HEAD + SCALES + BLOCKS


def write(folder: Path, text: str = TINY) -> Path:
    """Write a protocol file."""
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path
