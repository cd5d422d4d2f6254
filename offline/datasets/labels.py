"""From ratings to classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bci_app.bundle.spec import Target
from bci_app.errors import DatasetError

CLASSES = ("low", "high")
_RATED = "self-rating"
_TEXT = re.compile(r"(>=?)?(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Threshold:
    """The rating above which a label is high.

    Parameters
    ----------
    value : float
        On the scale of the ratings.
    inclusive : bool
        True if a rating equal to `value` is high too.
    """

    value: float
    inclusive: bool = False

    @classmethod
    def parse(cls, text: str) -> Threshold:
        """Read ``5``, ``>5`` or ``>=5``.

        Raises
        ------
        DatasetError
            If it is none of these.
        """
        found = _TEXT.fullmatch(text.replace(" ", ""))
        if found is None:
            raise DatasetError("Not a threshold of ratings", found=repr(text), expected="5, >5 or >=5")
        return cls(float(found[2]), inclusive=found[1] == ">=")

    def __str__(self) -> str:
        return f"{'>=' if self.inclusive else '>'} {self.value:g}"

    def label(self, rating: float) -> int:
        """Return 1 (high) or 0 (low)."""
        return int(rating > self.value or (self.inclusive and rating == self.value))

    def labels(self, ratings: Mapping[str, float]) -> dict[str, int]:
        """Return the label of each rating."""
        return {name: self.label(rating) for name, rating in ratings.items()}

    def target(self, name: str, scale: tuple[float, float]) -> Target:
        """Describe the target, the threshold included, as bundles and reports state it.

        Raises
        ------
        DatasetError
            If no rating on the scale is low, or none is high.
        """
        low, high = scale
        if self.label(low) == self.label(high):
            edges = f"above {low:g} and up to {high:g}" if self.inclusive else f"from {low:g} and below {high:g}"
            raise DatasetError(
                f"The threshold {self} makes every {name} rating {CLASSES[self.label(low)]}",
                found=str(self),
                expected=f"a value {edges}: ratings are from {low:g} to {high:g}",
                fix="Choose another --threshold.",
            )
        return Target(
            name=name, classes=CLASSES, description=f"{_RATED} from {low:g} to {high:g}; high if rating {self}"
        )


def rating_rule(target: Target) -> tuple[str, str] | None:
    """Return the scale of a target of ratings and the rule for high, or None for other targets."""
    scale, _, rule = target.description.partition("; ")
    return (scale, rule) if scale.startswith(_RATED) else None


def require_ratings(ratings: Mapping[str, float], scale: tuple[float, float], where: str) -> None:
    """Check that ratings lie on their scale.

    Raises
    ------
    DatasetError
        If one does not.
    """
    low, high = scale
    for name, rating in ratings.items():
        if not low <= rating <= high:
            raise DatasetError(
                f"The {name} rating of {where} is off its scale", found=f"{rating:g}", expected=f"{low:g} to {high:g}"
            )
