"""Whose turn it is: limits hold, none holds up another, and everything is done as soon as they allow."""

from collections.abc import Sequence

import pytest

from activities.campaigns.pacing import CATCH_UP, Lines, Pace

Limits = Sequence[tuple[str, float]]


def played(messages: Sequence[Limits], seconds: float = 1_000.0, step: float = 0.01) -> list[tuple[float, int]]:
    """Take messages as soon as their turn is; when each went, with its number."""
    lines = Lines[int](enumerate(messages), Pace())
    gone: list[tuple[float, int]] = []
    now = 0.0
    while len(gone) < len(messages) and now < seconds:
        for id, line in lines.wanted(100):
            lines.put(line, id, now)
        item, wait = lines.next(now)
        if item is None:
            now += max(step, wait) if wait < seconds else step
        else:
            gone.append((now, item))
    return gone


def test_without_limits_everything_goes_in_its_order() -> None:
    """At once, and the first is first."""
    assert played([()] * 5) == [(0.0, number) for number in range(5)]


def test_a_limit_holds() -> None:
    """In no second more than the rate, but for what may be made up for."""
    times = [at for at, _ in played([(("slack:C1", 2.0),)] * 20)]
    for start in times:
        assert sum(start <= at < start + 1 for at in times) <= 2 + 2 * CATCH_UP
    assert times[-1] == pytest.approx(19 / 2, abs=0.6)


def test_a_rate_of_nothing_is_no_limit() -> None:
    """0 means that the settings have none."""
    assert played([(("mail", 0.0),)] * 3)[-1][0] == 0.0


def test_one_slow_line_does_not_hold_up_the_others() -> None:
    """Nine in ten are for a slow domain and stand first: the others go at once all the same."""
    slow: Limits = [("mail", 0.0), ("big", 1.0)]
    fast: Limits = [("mail", 0.0), ("small", 1_000.0)]
    messages = [slow] * 90 + [fast] * 10
    gone = played(messages)
    assert max(at for at, number in gone if number >= 90) < 1


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_it_takes_as_long_as_the_limits_ask_for_and_no_longer(share: float) -> None:
    """The bound is the slower of the whole and of the large domain; the large domain is never late."""
    large = round(400 * share)
    messages: list[Limits] = [[("mail", 40.0), (f"d{number}", 20.0)] for number in range(400 - large)]
    messages += [(("mail", 40.0), ("big", 20.0))] * large
    bound = max(400 / 40, large / 20)
    assert played(messages)[-1][0] <= bound * 1.05


def test_little_is_made_ready_for_a_slow_line() -> None:
    """Some seconds of messages, not all that wait: what is ready has its intent recorded, and takes memory."""
    slow: Limits = [("big", 2.0), ("other", 9.0)]
    lines = Lines[int](((number, slow if number else ()) for number in range(1_000)), Pace())
    assert len(lines.wanted(500)) == 9
    assert lines.left
