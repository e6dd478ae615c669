"""The plans that benchmarks run: steps that perform `bench.call`."""

from firedoor.incident import Responder
from firedoor.plan import Effect, Loop, OnError, Plan, PlannedStep, Policy

STARTER = Responder(principal="user:bench", auth="os")
APPROVER = Responder(principal="user:ada", auth="os", roles=("security",))
#: The name of the step that plans of one step have.
ONLY = "only"


def step(name: str, needs: tuple[str, ...] = (), milliseconds: int = 1, loop: Loop | None = None) -> PlannedStep:
    """A step that calls once, or once for each element of its loop."""
    target = "${{ one }}" if loop else name
    return PlannedStep(
        id=name,
        kind="uses",
        action="bench.call",
        effect=Effect.REVERSIBLE,
        arguments={"target": target, "milliseconds": milliseconds},
        needs=needs,
        loop=loop,
    )


def plan_of(*steps: PlannedStep) -> Plan:
    """A plan of these steps."""
    return Plan(name="bench", runbook_sha256="0" * 64, steps=steps)


def fan_out(milliseconds: int, concurrency: int) -> Plan:
    """One step that calls for each of the input `targets`."""
    loop = Loop(items="inputs.targets", name="one", concurrency=concurrency, on_error=OnError.ASK)
    return plan_of(step(ONLY, milliseconds=milliseconds, loop=loop))


def targets(count: int) -> list[str]:
    """The names of so many targets."""
    return [f"target-{number:06}" for number in range(count)]


def approved() -> Plan:
    """One call that one person of `role:security` has to approve."""
    asks = step(ONLY).model_copy(update={"approval": "security"})
    return plan_of(asks).model_copy(update={"policies": {"security": Policy(sources=("role:security",))}})
