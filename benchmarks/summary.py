"""From samples to a line of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose, isnan
from statistics import median


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """First and third quartile, by linear interpolation between the sorted values; of one value, that value twice.

    >>> quartiles([1.0, 2.0, 3.0, 4.0, 5.0])
    (2.0, 4.0)
    """
    if not values:
        raise ValueError("quartiles needs at least one value; it was given none.")
    ordered = sorted(values)

    def at(fraction: float) -> float:
        place = fraction * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])

    return at(0.25), at(0.75)


@dataclass(frozen=True)
class Comparison:
    """The two sides of one row. `ratio` is left/right of the medians: below 1, left is the faster or the smaller.

    `low` and `high` are the quartiles of the rounds' own ratios: each round measures both sides within seconds of each
    other, so what the machine did to both cancels, and what is left is the noise of the ratio.
    """

    left: float
    right: float
    left_least: float
    right_least: float
    ratio: float
    low: float
    high: float
    rounds: int

    @property
    def least_ratio(self) -> float:
        """Ratio of the smallest measurements: what a busy machine spoils least, and one lucky round most."""
        return self.left_least / self.right_least


def compare_samples(left: Sequence[float], right: Sequence[float]) -> Comparison:
    """Compares what the rounds measured; left[k] and right[k] are of the same round.

    >>> comparison = compare_samples([1.0, 2.0, 3.0], [2.0, 4.0, 4.0])
    >>> comparison.ratio, comparison.low, comparison.high
    (0.5, 0.5, 0.625)
    """
    if not left or len(left) != len(right):
        raise ValueError(
            f"A round measures both sides; given were {len(left)} measurements of the left, {len(right)} of the right."
        )
    if min(right) <= 0:
        raise ValueError(f"The right side measured {min(right)}, and a ratio to it says nothing.")
    low, high = quartiles([one / other for one, other in zip(left, right, strict=True)])
    return Comparison(
        left=median(left),
        right=median(right),
        left_least=min(left),
        right_least=min(right),
        ratio=median(left) / median(right),
        low=low,
        high=high,
        rounds=len(left),
    )


def same_answer(left: Sequence[float] | None, right: Sequence[float] | None, tolerance: float = 1e-3) -> bool:
    """Whether two fingerprints (size, sum of magnitudes) can be of one program's results; unknown counts as same."""
    if left is None or right is None:
        return True
    [left_size, left_sum], [right_size, right_sum] = left, right
    alike = isclose(left_sum, right_sum, rel_tol=tolerance, abs_tol=1e-9) or (isnan(left_sum) and isnan(right_sum))
    return left_size == right_size and alike
