"""Drives step functions in tests the way a worker does, without Temporal and without a timeline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities import ACTIVITIES
from activities._action import Context
from activities._clients import Clients
from activities._guard import MAY_CHANGE
from activities.aws.accounts import Accounts
from firedoor.config import Aws, Settings
from firedoor.errors import StepError
from firedoor.incident import Call, Mode, Outcome, Preview, Target
from firedoor.steps import STEPS
from tests.activities.wire import Wire
from tests.emulators import REGION, ROOT, Emulator, Keys

#: Actions that take another's change back: they owe a verdict as a containment does.
UNDOING = {contract.undo for contract in STEPS.values()}
FUNCTIONS = {action.contract.action: action.function for action in ACTIVITIES}


def accounts(emulator: Emulator | Wire, keys: Keys = ROOT, **settings: Any) -> Accounts:
    """The accounts that firedoor has on an emulator, acting with `keys`; by default it waits for nothing to settle."""
    configured = {"settle_seconds": 0, "region": REGION, "endpoint_url": emulator.url} | settings
    return Accounts(Aws.model_validate(configured), emulator.session(keys))


def clients(aws: Accounts) -> Clients:
    """Everything that a worker may reach which is told of nothing but these accounts."""
    return Clients(Settings(home=Path("/nonexistent")), aws=aws)


class Performing:
    """A step on its way: `preview` is its first yield, `finish` lets it act, as the performer would.

    `mode` and `incident` are the class's: a test derives one that plans, or that belongs to another incident.
    """

    mode = Mode.RUN
    incident = "test-incident"

    def __init__(self, aws: Accounts, action: str, earlier: Preview | None = None, /, **arguments: Any) -> None:
        contract = STEPS[action]
        target = Target(key="0", arguments=arguments)
        call = Call(incident=self.incident, plan="0" * 64, step="step", targets=(target,), mode=self.mode)
        answer = FUNCTIONS[action](
            contract(**arguments), Context(clients=clients(aws), call=call, target=target, earlier=earlier)
        )
        self._contract = contract
        self._rest: Iterator[Preview | Outcome] = iter([answer]) if isinstance(answer, Outcome) else answer
        self.preview = self._first()

    def _first(self) -> Preview:
        first = next(self._rest)
        if isinstance(first, Outcome):
            self._rest = iter([first])
            return Preview(change="")
        assert first.effect is self._contract.effect
        return first

    def finish(self) -> Outcome:
        """Let it act; its one outcome, whose result must fit the contract."""
        token = MAY_CHANGE.set(True)
        try:
            (outcome,) = list(self._rest)
        finally:
            MAY_CHANGE.reset(token)
        assert isinstance(outcome, Outcome)
        assert set(outcome.result) == set(self._contract.result.model_fields)
        assert self._contract.result.model_validate(outcome.result).model_dump(mode="json") == outcome.result
        assert (outcome.verdict is not None) == (self._contract.containment or self._contract.action in UNDOING)
        return outcome


class Planning(Performing):
    """A step in plan mode: its preview is all."""

    mode = Mode.PLAN


class Elsewhere(Performing):
    """A step of another incident."""

    incident = "another-incident"


def undo(aws: Accounts, preview: Preview) -> Outcome:
    """Take a change back by what its preview recorded."""
    assert preview.inverse
    return perform(aws, preview.inverse.action, **preview.inverse.arguments)


def undo_failure(aws: Accounts, preview: Preview) -> StepError:
    """The error that taking a change back ends with; it says that nothing was changed."""
    assert preview.inverse
    error = failure(aws, preview.inverse.action, **preview.inverse.arguments)
    assert error.reason == "changed_since"
    return error


def perform(aws: Accounts, action: str, /, **arguments: Any) -> Outcome:
    """Perform a step from beginning to end."""
    return Performing(aws, action, **arguments).finish()


def failure(aws: Accounts, action: str, /, **arguments: Any) -> StepError:
    """The error that a step ends with."""
    with pytest.raises(StepError) as raised:
        perform(aws, action, **arguments)
    return raised.value
