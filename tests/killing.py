"""Kill an attempt before or after each call that it makes to the outside, one after the other, until it ends."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from activities._action import Context
from activities._clients import Clients
from activities._guard import MAY_CHANGE
from activities._http import Http
from activities.aws.accounts import Service
from firedoor.errors import StepError
from firedoor.incident import Call, Outcome, Preview, Target
from firedoor.steps import STEPS
from tests.activities.performing import FUNCTIONS

Ended = Outcome | StepError
#: What is called to reach anything outside, as class and method.
DOORS: tuple[tuple[type, str], ...] = ((Http, "send"), (Service, "__call__"))


class Killed(BaseException):
    """The process dies here."""


def attempt(
    clients: Clients, action: str, earlier: Preview | None = None, **arguments: Any
) -> tuple[Preview, Ended | Killed]:
    """One attempt at a step: its preview, and its outcome or the error (or death) that ended it."""
    target = Target(key="0", arguments=arguments)
    call = Call(incident="test", plan="0" * 64, step="rotate", targets=(target,))
    context = Context(clients=clients, call=call, target=target, earlier=earlier)
    stages = FUNCTIONS[action](STEPS[action].model_validate(arguments), context)
    if isinstance(stages, Outcome):
        return Preview(change=""), stages
    preview = next(stages)
    assert isinstance(preview, Preview)
    token = MAY_CHANGE.set(True)
    try:
        ended = next(stages)
        assert isinstance(ended, Outcome)
    except (StepError, Killed) as error:
        return preview, error
    else:
        return preview, ended
    finally:
        MAY_CHANGE.reset(token)


def killed_everywhere(
    patching: pytest.MonkeyPatch,
    attempts: Callable[[Preview | None], tuple[Preview, Ended | Killed]],
    *,
    after: bool,
    doors: Sequence[tuple[type, str]] = (),
) -> tuple[Ended, int]:
    """Attempt it again and again, each time killed one call later, until it ends by itself.

    Returns how it ended, and how many attempts were killed. `doors` are further ways out: a sink's own client.
    """
    countdown = [0]

    def dies(call: Any) -> Any:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            countdown[0] -= 1
            if countdown[0] == 0 and not after:
                raise Killed
            answer = call(*arguments, **named)
            if countdown[0] == 0:
                raise Killed
            return answer

        return wrapped

    for owner, name in (*DOORS, *doors):
        patching.setattr(owner, name, dies(getattr(owner, name)))
    points = 0
    earlier: Preview | None = None
    while True:
        countdown[0] = points + 1
        try:
            preview, ended = attempts(earlier)
        except Killed:
            points += 1
            continue
        earlier = earlier or preview
        if not isinstance(ended, Killed):
            countdown[0] = 0
            return ended, points
        points += 1
