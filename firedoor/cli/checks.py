"""What `firedoor doctor` looks at on this machine and in Temporal. Changes nothing."""

import contextlib
import shutil
import stat
from collections.abc import AsyncIterator, Iterable, Iterator

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from firedoor import desk
from firedoor.catalog import compiled_runbook, runbooks
from firedoor.cli.identity import responder
from firedoor.cli.queue import RPC_TIMEOUT, Queue, queue
from firedoor.cli.views.checklist import Finding
from firedoor.config import Settings
from firedoor.drill.emulators import emulator_python
from firedoor.engine import connect
from firedoor.errors import FiredoorError, UnreachableError
from firedoor.inventory import load_inventory
from firedoor.local import SEARCH_ATTRIBUTES, temporal_binary
from firedoor.plan import Plan
from firedoor.timeline.store import Timeline
from firedoor.words import plural

#: Less free space than this, and the record may stop: bytes.
LITTLE_SPACE = 1 << 30


def folder(settings: Settings) -> Iterator[Finding]:
    """The data folder: there, private, not full."""
    home = settings.home
    if not home.is_dir():
        yield Finding("warn", "data folder", f"{home} does not exist yet", "`firedoor up` or a worker makes it.")
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o022:
        yield Finding("fail", "data folder", f"others may write to {home} (mode {mode:04o})", f"chmod 700 {home}")
    else:
        yield Finding("ok", "data folder", str(home))
    free = shutil.disk_usage(home).free
    if free < LITTLE_SPACE:
        yield Finding("warn", "disk", f"{free >> 20} MiB free at {home}", "Make room: no record, no action.")


def keys(settings: Settings) -> Iterator[Finding]:
    """The two secret keys: for nobody else's eyes."""
    found = [("signing key", settings.signing_key_path)]
    found += [("codec key", settings.codec_key_path)] if settings.codec else []
    for subject, path in found:
        if not path.exists():
            yield Finding("warn", subject, f"{path} does not exist yet", "The first worker makes it. Back it up then.")
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield Finding("fail", subject, f"others may read {path} (mode {mode:04o})", f"chmod 600 {path}")
        else:
            yield Finding("ok", subject, f"{path} (mode {mode:04o})")
    if not settings.codec:
        yield Finding("warn", "codec", "Temporal stores payloads in plain text", "Set `codec = true` in firedoor.toml.")


def timeline(settings: Settings) -> Finding:
    """The store opens, and what is in it is what was signed."""
    path = settings.timeline_path
    if not path.exists():
        return Finding("warn", "timeline", f"{path} does not exist yet", "The first worker makes it.")
    if not settings.signing_key_path.exists():
        return Finding("fail", "timeline", f"the key that signs it is gone: {settings.signing_key_path}", "Restore it.")
    try:
        # Opening it hashes every entry again and compares with the newest checkpoint.
        with Timeline.open(path, settings.signing_key_path, settings.log) as store:
            checkpoint = store.checkpoint()
    except FiredoorError as error:
        return Finding("fail", "timeline", error.what, error.next)
    lines = checkpoint.splitlines()
    size = lines[1] if len(lines) > 1 else "0"
    return Finding("ok", "timeline", f"{size} entries; hashes and signed checkpoint agree")


def shipped(settings: Settings) -> tuple[list[Finding], list[Plan]]:
    """Every runbook compiles. The plans of those that do."""
    findings: list[Finding] = []
    plans: list[Plan] = []
    for name in runbooks(settings):
        try:
            plans.append(compiled_runbook(name, settings))
        except FiredoorError as error:
            findings.append(Finding("fail", f"runbook {name}", error.what, error.next))
    if plans:
        findings.insert(0, Finding("ok", "runbooks", f"{len(plans)} compile: {', '.join(plan.name for plan in plans)}"))
    return findings, plans


def people(settings: Settings, plans: Iterable[Plan]) -> Iterator[Finding]:
    """Enough people can give each approval: a role that nobody holds is found out now, not at night."""
    needed: dict[tuple[tuple[str, ...], int], list[str]] = {}
    for plan in plans:
        for name, policy in plan.policies.items():
            needed.setdefault((policy.sources, policy.count), []).append(f"{name} of {plan.name}")
    for (sources, count), approvals in needed.items():
        found = settings.members(sources)
        if len(found) < count:
            subject = f"approval by {' or '.join(sources)}"
            takes = f"it takes {count} of {', '.join(sources)}, and the settings name {len(found)}"
            hint = "Say who: `[roles]` and `[groups]` in firedoor.toml, docs/reference/settings.md."
            yield Finding("warn", subject, f"{takes}: {', '.join(approvals)}", hint)
    yield from _unknown(settings)


def _unknown(settings: Settings) -> Iterator[Finding]:
    """People who are given something, and have no identities here."""
    if not settings.people:
        return
    known = {f"user:{name}" for name in settings.people}
    named = {*settings.members(f"role:{role}" for role in settings.roles), *settings.members(settings.groups)}
    if strangers := sorted(named - known):
        yield Finding(
            "warn",
            "people",
            f"`[roles]` and `[groups]` name {', '.join(strangers)}, and `[people]` does not",
            "Give each the identities by which the front doors know them: docs/how-to/people.md",
        )


def you(settings: Settings) -> Finding:
    """Who the person at this terminal is to firedoor."""
    who = responder(settings)
    says = f"{who.principal}, as {who.identity}; roles: {', '.join(who.roles) or 'none'}"
    if who.principal != f"user:{who.identity}":
        return Finding("ok", "you", says)
    hint = f"If you are the person of that name, add {who.identity!r} to their identities: docs/how-to/people.md"
    return Finding("warn", "you", f"{says}: nobody's identity, though `[people]` has somebody of that name", hint)


def notify(settings: Settings) -> Finding:
    """What carries notices to people is there."""
    command = settings.notify.command
    if not command:
        return Finding("warn", "notices", "they appear in the worker's log only", "`[notify]`: docs/how-to/people.md")
    if shutil.which(command[0]):
        return Finding("ok", "notices", command[0])
    return Finding("fail", "notices", f"{command[0]} is no program", "Correct `[notify]` in firedoor.toml.")


def inventory(settings: Settings) -> Iterator[Finding]:
    """The inventory is there, and can be read: runbooks and the blast radius live off it."""
    path = settings.inventory_path
    if not settings.inventory and not path.exists():
        begin = "`firedoor inventory import openai` begins one: docs/how-to/inventory.md"
        yield Finding("warn", "inventory", f"there is no {path}: nobody is counted as hit", begin)
        return
    try:
        found = load_inventory(path)
    except FiredoorError as error:
        yield Finding("fail", "inventory", error.what, "`firedoor inventory check` lists every mistake.")
        return
    counts = (plural(len(found.credentials), "credentials"), plural(len(found.customers), "customers"))
    yield Finding("ok", "inventory", f"{path}: {counts[0]}, {counts[1]}")


def places(settings: Settings) -> list[str]:
    """Every place that the inventory names; none where it cannot be read, which `inventory` says."""
    with contextlib.suppress(FiredoorError):
        return [
            where for entry in load_inventory(settings.inventory_path).credentials.values() for where in entry.where
        ]
    return []


async def secrets(settings: Settings) -> list[Finding]:
    """The secrets that the settings refer to, and whether they let firedoor in: asked on the worker's side."""
    asked = (settings.providers, settings.sinks, settings.mail.transport, settings.inventory_path.exists())
    if not any(asked):
        return []
    try:
        answer = await desk.ask("activities.checkup", {})
    except FiredoorError as error:
        return [Finding("fail", "secrets", error.what, "Look into [providers], [sinks] and [mail] of firedoor.toml.")]
    return [Finding(**one) for one in answer["findings"]]


def programs(settings: Settings) -> Finding:
    """What `firedoor up` and drills start."""
    try:
        return Finding("ok", "Temporal CLI", str(temporal_binary(settings.temporal_binary)))
    except FiredoorError as error:
        return Finding("warn", "Temporal CLI", "not found; only `firedoor up` and drills need it", error.next)


def emulator(settings: Settings) -> Finding:
    """The AWS emulator of drills."""
    try:
        return Finding("ok", "emulator", str(emulator_python(settings.emulator)))
    except FiredoorError as error:
        return Finding("warn", "emulator", "not found; only drills need it", error.next)


async def temporal(settings: Settings) -> AsyncIterator[Finding]:
    """Temporal answers, knows our search attributes, and workers get the work of both task queues."""
    try:
        client = await connect(settings)
    except UnreachableError as error:
        yield Finding("fail", "Temporal", error.what, error.next)
        return
    yield Finding("ok", "Temporal", f"{client.service_client.config.target_host}, namespace {client.namespace}")
    try:
        yield await _attributes(client)
        yield _serves("worker", settings.task_queue, await queue(client, settings.task_queue))
        yield _serves("bulk worker", settings.bulk_queue, await queue(client, settings.bulk_queue, bulk=True))
    except RPCError as error:
        yield Finding("fail", "Temporal", f"it refused: {error.message}", "Check TEMPORAL_NAMESPACE and the API key.")
        return


def _serves(subject: str, name: str, found: Queue) -> Finding:
    """Somebody gets the work of a task queue."""
    if found.working:
        return Finding("ok", subject, f"{len(found.working)} on task queue {name}: {', '.join(found.working[:3])}")
    if found.idle:
        which = f"the workers of build {found.current}" if found.current else "workers without a build"
        idle = f"{len(found.idle)} ask for work on task queue {name}, and get none: Temporal gives it to {which}"
        return Finding(
            "fail", subject, idle, "Make the build of these workers current: docs/how-to/temporal-cluster.md"
        )
    if subject == "worker":
        return Finding(
            "fail", subject, f"none asks for work on task queue {name}", "`firedoor worker`, or `firedoor up`"
        )
    return Finding(
        "fail",
        subject,
        f"none asks for work on task queue {name}: every for_each would wait for ever",
        "`firedoor worker --bulk`, or `firedoor up`",
    )


async def _attributes(client: Client) -> Finding:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request, timeout=RPC_TIMEOUT)
    missing = [name for name in SEARCH_ATTRIBUTES if name not in answer.custom_attributes]
    if not missing:
        return Finding("ok", "search attributes", ", ".join(SEARCH_ATTRIBUTES))
    commands = [f"temporal operator search-attribute create --name {name} --type Keyword" for name in missing]
    return Finding("fail", "search attributes", f"Temporal lacks {', '.join(missing)}", "\n".join(commands))
