"""May a change be made now? Apart from the performer that says so, and below the clients of providers that ask it."""

from contextvars import ContextVar

from firedoor.errors import StepError

#: True only while a change may be made: its intent is durable. Every door to a provider asks it before it writes.
MAY_CHANGE: ContextVar[bool] = ContextVar("may_change", default=False)


def refuse_change(call: str) -> None:
    """Raise `not_in_plan_mode` unless a change may be made now; `call` is the one that is about to be sent."""
    if not MAY_CHANGE.get():
        raise StepError(
            "not_in_plan_mode",
            f"firedoor refused itself {call}: a call that is not a read, before what it changes was recorded.",
            next="Nobody can bring this about from outside: report it as a fault of the step.",
        )
