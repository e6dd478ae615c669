"""When a campaign halts by itself: surely worse than its limit, not by one stale address."""

import pytest

from firedoor.outbox.halting import too_many


@pytest.mark.parametrize(
    ("tried", "least"), [(1, None), (2, None), (3, 3), (10, 3), (20, 4), (50, 7), (100, 11), (1_000, 68)]
)
def test_five_percent(tried: int, least: int | None) -> None:
    """The fewest losses that halt a campaign with a limit of 5 %, as the module's docstring says."""
    assert next((lost for lost in range(tried + 1) if too_many(tried, lost, 5)), None) == least


def test_large_numbers_are_exact() -> None:
    """Of 100,000 messages 5.2 % are too many, and 4.9 % are not."""
    assert too_many(100_000, 5_200, 5)
    assert not too_many(100_000, 4_900, 5)
