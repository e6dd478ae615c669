"""What firedoor is measured against: the best hand-written Temporal programs for the same work. They record nothing."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

SLICE = 500
IN_FLIGHT = 4

#: When the body of the newest call began, by `time.perf_counter`.
FIRST_BODY: list[float] = []


@dataclass
class Item:
    """One target."""

    target: str
    milliseconds: int


@dataclass
class Batch:
    """A slice of targets and how many to work on at once."""

    targets: list[Item]
    lanes: int


@activity.defn
async def call(item: Item) -> str:
    """One API call."""
    FIRST_BODY.append(time.perf_counter())
    await asyncio.sleep(item.milliseconds / 1000)
    return f"{item.target} is done"


@activity.defn
async def call_batch(batch: Batch) -> int:
    """A slice of API calls, heartbeating; returns how many were done."""
    queue: Iterator[Item] = iter(batch.targets)
    done = 0

    async def lane() -> None:
        nonlocal done
        for item in queue:
            await asyncio.sleep(item.milliseconds / 1000)
            done += 1
            activity.heartbeat(done)

    await asyncio.gather(*(lane() for _ in range(batch.lanes)))
    return done


@workflow.defn
class Sequential:
    """Steps one after the other."""

    @workflow.run
    async def run(self, steps: int, milliseconds: int) -> int:
        """Run them."""
        for number in range(steps):
            await workflow.execute_activity(
                call,
                Item(f"target-{number}", milliseconds),
                start_to_close_timeout=timedelta(seconds=60),
                heartbeat_timeout=timedelta(seconds=5),
                retry_policy=RetryPolicy(maximum_attempts=5),
            )
        return steps


@workflow.defn
class FanOut:
    """Slices of 500, four in flight."""

    @workflow.run
    async def run(self, targets: list[str], milliseconds: int, lanes: int) -> int:
        """Run them; returns how many were done."""
        slices = [targets[start : start + SLICE] for start in range(0, len(targets), SLICE)]
        done = 0

        async def work() -> None:
            nonlocal done
            while slices:
                items = [Item(target, milliseconds) for target in slices.pop(0)]
                done += await workflow.execute_activity(
                    call_batch,
                    Batch(items, lanes),
                    start_to_close_timeout=timedelta(minutes=10),
                    heartbeat_timeout=timedelta(seconds=5),
                )

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        return done


@workflow.defn
class Approved:
    """One step that somebody has to approve."""

    def __init__(self) -> None:
        self._by = ""

    @workflow.run
    async def run(self, milliseconds: int) -> int:
        """Wait for the approval, then run it."""
        await workflow.wait_condition(lambda: bool(self._by))
        await workflow.execute_activity(
            call,
            Item("target", milliseconds),
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=5),
        )
        return 1

    @workflow.update
    def approve(self, by: str) -> str:
        """Go ahead."""
        self._by = by
        return f"approved by {by}"

    @approve.validator
    def _may_approve(self, by: str) -> None:
        if self._by or not by:
            raise ValueError("it is approved already, or by nobody")

    @workflow.query
    def waits(self) -> bool:
        """Does it wait for somebody?"""
        return not self._by
