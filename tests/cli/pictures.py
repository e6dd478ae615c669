"""An incident and a plan to draw, and how a terminal of some width shows a picture."""

import datetime
import io

from rich.console import Console, RenderableType

from firedoor.cli.views.scene import Scene
from firedoor.incident import (
    Dependent,
    Evidence,
    FailedTarget,
    Failure,
    IncidentState,
    IncidentView,
    Preview,
    Progress,
    Request,
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

ADA, BOB = Responder(principal="user:ada", auth="os"), Responder(principal="user:bob", auth="slack")

REQUEST = Request(
    policy="security",
    digest="ab12cd34ef567890",
    needed=2,
    given=(BOB,),
    sources=("user:ada", "user:bob", "role:lead"),
    break_glass="oncall-lead",
    asked=at("04:40"),
    expires="2026-11-23T19:34:40.000Z",
    reminders=2,
    targets=5,
    total=40,
    names=("app-billing", "app-search", "app-mail"),
    part="the canary: 5 of 40 targets; the rest is asked for afterwards",
    changed="Since it was shown: status Inactive → Active.",
)

DESTROY = Preview(
    change=f"delete {KEY}",
    before={"status": "Active", "user": "backup-bot"},
    after={"status": "gone", "user": "backup-bot"},
    effect=Effect.DESTRUCTIVE,
    dependents=(Dependent(kind="services", name="billing", says="used it 2 h ago"),),
    missing=("iam:DeleteAccessKey",),
)

ASKED_FOR = step(
    "delete_key",
    StepState.WAITING_APPROVAL,
    title="Delete the key",
    action="aws.iam.delete_access_key",
    arguments={"access_key_id": KEY},
    started=at("04:40"),
    previews=(DESTROY,),
    blast={"credentials": 5},
    request=REQUEST,
)

TEMPORARY = step(
    "block", StepState.DONE, started=at("02:11"), ended=at("02:15"), undoes_itself=f"{INCIDENT}.undo.block"
)

UNDO_LATER = IncidentView(
    id=f"{INCIDENT}.undo.block",
    runbook="undo-aws-access-key-leaked",
    plan="cd" * 32,
    state=IncidentState.RUNNING,
    starter=ADA,
    undoes=INCIDENT,
    steps=(step("until_then", StepState.SLEEPING, until="2026-11-25T07:02:30.000Z"),),
)

FAILED = step(
    "store_keys",
    StepState.NEEDS_ATTENTION,
    started=at("03:11"),
    progress=Progress(total=1000, done=900, failed=100),
    failed=tuple(
        FailedTarget(key=str(number), name=f"app-{number}", failure=Failure(reason="throttled", what="AWS said no."))
        for number in range(5)
    ),
    failure=Failure(reason="targets_failed", what="100 of 1000 targets failed.", changed="900 were changed."),
    changeable=("region",),
    arguments={"region": "eu-west-1"},
)

CUSTOMERS = step("customers", StepState.RUNNING, kind="run", started=at("03:11"))

CHILD = IncidentView(
    id=f"{INCIDENT}.customers",
    runbook="tell-customers",
    plan="ef" * 32,
    state=IncidentState.WAITING,
    starter=ADA,
    steps=(
        step("draft", StepState.DONE, started=at("03:11"), ended=at("03:12"), summary="120 customers"),
        step(
            "confirm",
            StepState.WAITING_ANSWER,
            summary="Send it?",
            waits_for="anybody",
            ask=Ask(prompt="Send it?", fields={"ok": Field(type="boolean")}),
        ),
    ),
)

STEERED = VIEW.model_copy(
    update={
        "paused": "user:bob: checking with the customer",
        "commander": "user:bob",
        "responders": ("user:bob", "user:eve"),
        "review": ("user:bob broke the glass on delete_key: nobody answers",),
        "steps": (IDENTIFY, ROTATE, ASKED_FOR, TEMPORARY, CUSTOMERS, FAILED),
    }
)

#: All at once: paused, asked, failed, temporary, with a child and an undo that waits.
SCENE = Scene(STEERED, NOW, {CHILD.id: CHILD, UNDO_LATER.id: UNDO_LATER}, {(INCIDENT, "rotate"): 12.3}, lost="")

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
