"""What a model reached on data that it never met, in words. No Qt."""

from __future__ import annotations

from bci_app.bundle.spec import Bundle


def scores(bundle: Bundle) -> list[str]:
    """Give two lines for each target: balanced accuracy beside chance, accuracy beside the majority."""
    texts = []
    classes = {target.name: len(target.classes) for target in bundle.targets}
    for score in bundle.provenance.scores:
        name = f"{score.target.replace('_', ' ')}: " if len(bundle.targets) > 1 else ""
        rolling = ""
        if score.rolling_balanced_accuracy is not None and score.rolling_seconds is not None:
            rolling = f", {score.rolling_balanced_accuracy:.2f} over {score.rolling_seconds:g} s"
        interval = f" (95 % {score.interval[0]:.2f}–{score.interval[1]:.2f})" if score.interval else ""
        texts.append(
            f"{name}balanced accuracy {score.balanced_accuracy:.2f} a window{interval}{rolling}; "
            f"chance is {1 / classes[score.target]:.2f}"
        )
        texts.append(
            f"{name}accuracy {score.accuracy:.2f} a window; "
            f"always guessing the majority gives {score.majority_baseline:.2f}"
        )
    return texts
