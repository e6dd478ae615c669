"""How Slack's part of the server ends."""

import asyncio

import pytest

from firedoor.slack import service


async def test_what_swallows_a_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library of Python 3.11 that forgets one cancellation does not keep `firedoor serve` from ending."""
    monkeypatch.setattr(service, "AGAIN", 0.01)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await service._ended(task)
    assert task.cancelled()
    assert swallowed == 2
