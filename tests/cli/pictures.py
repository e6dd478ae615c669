"""An incident and a plan to draw, and how a terminal of some width shows a picture."""

import datetime
import io

from rich.console import Console, RenderableType

from firedoor.incident import (
    Evidence,
    Failure,
    IncidentState,
    IncidentView,
    Preview,
    Progress,
    Responder,
    StepState,
    StepView,
)
from firedoor.plan import Ask, Effect, Field, Loop, Plan, PlannedStep, Policy, Verdict

NOW = datetime.datetime(2026, 11, 23, 19, 5, 30, tzinfo=datetime.UTC)
KEY = "AKIAIOSFODNN7EXAMPLE"
INCIDENT = f"aws-access-key-leaked-{KEY}"

DENIED = Failure(
    reason="permission_missing",
    what="AWS refused iam:PutUserPolicy on arn:aws:iam::123456789012:user/backup-bot.",
    changed="Nothing was changed.",
    next="Give firedoor iam:PutUserPolicy, then retry.",
)


def at(minute_second: str) -> str:
    """A time of the night in question."""
    return f"2026-11-23T19:{minute_second}.000Z"


def step(name: str, state: StepState, **facts: object) -> StepView:
    """A step as a front door sees it."""
    return StepView.model_validate({"id": name, "kind": "uses", "title": "", "state": state, **facts})


IDENTIFY = step("identify", StepState.DONE, started=at("02:11"), ended=at("02:12"), summary="user backup-bot, Active")
DEACTIVATE = step(
    "deactivate",
    StepState.DONE,
    started=at("02:12"),
    ended=at("02:25"),
    summary="Active → Inactive",
    verdict=Verdict.CONTAINED,
    evidence=(
        Evidence(source="iam:ListAccessKeys", says=f"{KEY} is Inactive", observed_at=at("02:25"), request_id="req-1"),
    ),
)
DENY = step("deny_sessions", StepState.NEEDS_ATTENTION, started=at("02:12"), failure=DENIED)
ROTATE = step("rotate", StepState.RUNNING, started=at("02:40"), progress=Progress(total=1000, done=412, failed=3))
ASKED = step(
    "confirm_replacement_health",
    StepState.WAITING_ANSWER,
    started=at("04:40"),
    summary="Is production healthy on the new keys?",
    waits_for="security (2 of user:ada, user:bob)",
)
DELETE = step(
    "delete_key",
    StepState.WAITING_APPROVAL,
    started=at("04:40"),
    waits_for="security (2 of user:ada, user:bob)",
    previews=(Preview(change=f"delete {KEY}", before={"status": "Inactive"}),),
    blast={"credentials": 1, "principals": 1},
)
COOL_DOWN = step("cool_down", StepState.SLEEPING, started=at("04:50"))
REPORT = step("report", StepState.PENDING)

VIEW = IncidentView(
    id=INCIDENT,
    runbook="aws-access-key-leaked",
    title="Contain a leaked AWS access key",
    severity="critical",
    plan="ab" * 32,
    state=IncidentState.NEEDS_ATTENTION,
    started=at("02:11"),
    starter=Responder(principal="user:ada", auth="os"),
    inputs={"access_key_id": KEY},
    alerts=2,
    steps=(IDENTIFY, DEACTIVATE, DENY, ROTATE, ASKED, DELETE, COOL_DOWN, REPORT),
)

ENDED = VIEW.model_copy(
    update={
        "state": IncidentState.COMPLETED,
        "verdict": Verdict.CONTAINED,
        "ended": at("05:01"),
        "sentence": "Contained: the provider's own answers confirm deactivate.",
        "steps": (IDENTIFY, DEACTIVATE),
    }
)

PLAN = Plan(
    name="aws-access-key-leaked",
    title="Contain a leaked AWS access key",
    severity="critical",
    runbook_sha256="a" * 64,
    policies={"security": Policy(sources=("user:ada", "user:bob"), count=2, expires=1800)},
    steps=(
        PlannedStep(id="identify", kind="uses", action="aws.iam.identify_access_key"),
        PlannedStep(id="deactivate", kind="uses", action="aws.iam.deactivate_access_key", effect=Effect.REVERSIBLE),
        PlannedStep(
            id="rotate",
            kind="uses",
            action="credential.rotate",
            effect=Effect.REVERSIBLE,
            approval="security",
            loop=Loop(items="steps.exposed.credentials", name="credential"),
        ),
        PlannedStep(
            id="confirm",
            kind="ask",
            ask=Ask(prompt="Is production healthy?", of="security", fields={"healthy": Field(type="boolean")}),
        ),
        PlannedStep(id="cool_down", kind="wait", wait=300),
        PlannedStep(
            id="delete_key",
            kind="uses",
            action="aws.iam.delete_access_key",
            effect=Effect.DESTRUCTIVE,
            condition="steps.confirm.healthy",
            approval="security",
        ),
    ),
)


def console(width: int = 80, height: int = 50) -> Console:
    """A terminal without colours."""
    return Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=True,
        color_system=None,
        highlight=False,
        markup=False,
    )


def drawn(picture: RenderableType, width: int = 80) -> str:
    """What a terminal of that width shows, without the spaces at the ends of lines."""
    terminal = console(width)
    with terminal.capture() as capture:
        terminal.print(picture)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
