"""What becomes of deliveries, against a real Temporal server."""

from firedoor.deliveries import State
from tests.deliveries.conftest import Desk, finding, posted


async def test_a_leak_is_started_and_joined(desk: Desk) -> None:
    """The first delivery starts the incident, later ones join it, and it counts all of them."""
    key = f"AKIA{desk.settings.task_queue[-8:].upper()}"
    await desk.add(posted("1", finding(key)))
    async with desk.dispatching():
        [first] = await desk.settled(State.STARTED)
        assert first.incidents == (f"leak-{key}",)
        await desk.add(posted("2", finding(key)), posted("3", finding(key)))
        await desk.settled(State.STARTED, State.JOINED, State.JOINED)
    assert await desk.alerts(f"leak-{key}") == 3
