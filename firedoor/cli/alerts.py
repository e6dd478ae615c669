"""`firedoor alerts`: what was delivered, what became of it, and what an alert would start."""

import asyncio
import contextlib
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from firedoor.alerts._reading import MOST_BYTES
from firedoor.catalog import Shelves
from firedoor.cli.console import err, out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import Output
from firedoor.cli.views import delivery as delivery_view
from firedoor.config import Settings, load
from firedoor.deliveries import Deliveries, Delivery, Dispatcher, State, ledger
from firedoor.deliveries.payload import payload
from firedoor.deliveries.runbooks import Runbooks
from firedoor.deliveries.trial import Trial, trial
from firedoor.engine import Engine
from firedoor.errors import Exit, UsageError
from firedoor.words import plural

#: Seconds that a replay is waited for.
PATIENCE = 60.0
POLL = 0.1
#: As many are replayed by their state.
MOST = 10_000

Task = Annotated[
    Literal["list", "show", "replay", "dismiss", "test"],
    Parameter(
        help="list (the default): the newest. show: one in full. replay: deal with it again. dismiss: no longer wait"
        " for a person. test: try a payload.",
        show_choices=False,
    ),
]
Names = Annotated[str, Parameter(help="Ids, or unique beginnings or ends of them; of test: the file of the payload.")]
InState = Annotated[
    State | None,
    Parameter(
        name="--state",
        help="Only those that are received, started, joined, known, ignored, held or dead.",
        show_choices=False,
    ),
]
Limit = Annotated[int, Parameter(name=("--limit", "-n"), help="Of list: at most so many. Default: 20.")]
SourceName = Annotated[str, Parameter(help="Of test: whose payload it is, or the door of firedoor.toml.")]
Header = Annotated[tuple[str, ...], Parameter(name="--header", negative="", help="Of test: 'Name: value'. Repeatable.")]


async def alerts(
    task: Task = "list",
    /,
    *names: Names,
    state: InState = None,
    source: SourceName = "",
    header: Header = (),
    limit: Limit = 20,
    output: Output = "text",
) -> int:
    """List the alerts that were delivered, or find out what one does.

    A dead letter could not be read or matched, or nothing could be started; one
    that is held waits for a person. Both are kept until they are dealt with. A
    replay matches them with the runbooks as they are now; what is in an incident
    already stays there, so that it may be repeated. What will never be of use is
    dismissed: it starts nothing, and is kept for 30 days.

    test needs no server and starts nothing. It says which runbooks the payload
    would start, with which inputs, whom they would ask, and why the others would
    not start; exit code 1 if none would.

    Example
      firedoor alerts --state dead
      firedoor alerts replay --state dead
      firedoor alerts test finding.json --source guardduty
    """
    settings = load()
    _refuse_stray(task, names, source, header)
    if task == "test":
        return _test(names, source, header, output, settings)
    if not settings.deliveries_path.exists():
        return _none(task, output)
    async with Deliveries.open(settings.deliveries_path) as deliveries:
        if task == "show":
            return await _show(deliveries, names, output)
        if task == "replay":
            return await _replay(deliveries, names, state, output, settings)
        if task == "dismiss":
            return await _dismiss(deliveries, names, state, output, settings)
        return await _list(deliveries, state, limit, output)


def _refuse_stray(task: str, names: Sequence[str], source: str, header: Sequence[str]) -> None:
    """What is given and would not be looked at is a slip of the keyboard. Raises `UsageError`."""
    if task == "list" and names:
        raise UsageError(f"`{names[0]}` is no task.", next=f"firedoor alerts show {names[0]}")
    if task != "test" and (source or header):
        raise UsageError("--source and --header are for test.", next="firedoor alerts --help")
    if task in {"show", "test"} and len(names) != 1:
        one = "ID" if task == "show" else "PAYLOAD.json --source SOURCE"
        raise UsageError(f"{task} is about one.", next=f"Usage: firedoor alerts {task} {one}")
    if task == "test" and not source:
        next = f"Usage: firedoor alerts test {names[0]} --source SOURCE"
        raise UsageError("Whose payload is it?", changed="Nothing was started.", next=next)


def _none(task: str, output: str) -> int:
    if task != "list":
        raise UsageError("There are no deliveries.", next="`firedoor serve` takes them.")
    if output == "json":
        write_json([])
    else:
        out().print("Nothing was delivered. `firedoor serve` opens the doors: docs/how-to/alerts.md")
    return int(Exit.OK)


async def _list(deliveries: Deliveries, state: State | None, limit: int, output: str) -> int:
    if limit < 1:
        raise UsageError(f"--limit {limit}: there is no such list.", next="Give a number from 1.")
    found = await deliveries.look(ledger.listed, [state] if state else [], limit)
    if output == "json":
        write_json([_document(one) for one in found])
        return int(Exit.OK)
    if found:
        out().print(delivery_view.listing(found, datetime.datetime.now(datetime.UTC)))
    else:
        out().print(f"No delivery is {state.value}." if state else "Nothing was delivered.")
    counts = await deliveries.counts_by_state()
    if hint := delivery_view.hint(counts, shown=state):
        out().print(hint, style="dim")
    return int(Exit.OK)


async def _show(deliveries: Deliveries, names: Sequence[str], output: str) -> int:
    found = await deliveries.find(names[0])
    hits = await deliveries.look(ledger.hits, found.id)
    if output == "json":
        members = [
            {
                "runbook": hit.runbook,
                "incident": hit.incident,
                "state": hit.state.value,
                "reason": hit.reason,
                "inputs": hit.inputs,
                "alert": hit.alert.model_dump(mode="json", exclude={"raw"}),
            }
            for hit in hits
        ]
        body = found.body.decode("utf-8", "replace")
        write_json(_document(found) | {"headers": dict(found.headers), "body": body, "hits": members})
    else:
        out().print(delivery_view.whole(found, hits, datetime.datetime.now(datetime.UTC)))
    return int(Exit.OK)


async def _dismiss(
    deliveries: Deliveries, names: Sequence[str], state: State | None, output: str, settings: Settings
) -> int:
    """Take deliveries off the list of those that wait for a person."""
    if bool(names) == bool(state) or state not in {None, State.DEAD, State.HELD}:
        raise UsageError("Dismiss what?", next="Usage: firedoor alerts dismiss ID… | --state dead | --state held")
    ids = await _chosen(deliveries, names, state)
    now = datetime.datetime.now(datetime.UTC)
    count = await deliveries.change(ledger.dismiss, ids, responder(settings).principal, now)
    if output == "json":
        write_json([_document(await deliveries.find(name)) for name in ids])
    else:
        out().print(f"{plural(count, 'deliveries')} dismissed." if count else "Nothing of it waits for a person.")
    return int(Exit.OK)


async def _chosen(deliveries: Deliveries, names: Sequence[str], state: State | None) -> list[str]:
    """The ids of the deliveries that are named, or are in a state."""
    if state:
        return [one.id for one in await deliveries.look(ledger.listed, [state], MOST)]
    return [(await deliveries.find(name)).id for name in names]


async def _replay(
    deliveries: Deliveries, names: Sequence[str], state: State | None, output: str, settings: Settings
) -> int:
    """Have deliveries dealt with again, by the server that dispatches, or here where none does."""
    if bool(names) == bool(state):
        raise UsageError("Replay what?", next="Usage: firedoor alerts replay ID… | --state dead")
    engine = await Engine.connect(settings)
    ids = await _chosen(deliveries, names, state)
    await deliveries.change(ledger.reopen, ids)
    dispatching = asyncio.create_task(Dispatcher(engine, deliveries, settings).run())
    try:
        with err().status("Dealing with them again…"):
            found = await _settled(deliveries, ids)
    finally:
        dispatching.cancel()
        await asyncio.gather(dispatching, return_exceptions=True)
    if output == "json":
        write_json([_document(one) for one in found])
    elif found:
        out().print(delivery_view.listing(found, datetime.datetime.now(datetime.UTC)))
    else:
        out().print("There is nothing to replay.")
    done = all(one.state not in {State.DEAD, State.HELD, State.RECEIVED} for one in found)
    return int(Exit.OK if done else Exit.FAILED)


async def _settled(deliveries: Deliveries, ids: Sequence[str]) -> list[Delivery]:
    """The deliveries once none of them waits any more, or when patience is at its end."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while await deliveries.look(ledger.received, ids):
                await asyncio.sleep(POLL)
    found = [await deliveries.find(name) for name in ids]
    return sorted(found, key=lambda one: one.id, reverse=True)


def _test(names: Sequence[str], source: str, header: Sequence[str], output: str, settings: Settings) -> int:
    """Which runbooks a payload would start."""
    parsed = payload(source, _headers(header), _body(Path(names[0])), settings.alerts)
    known = Runbooks(Shelves(settings)).known()
    trials = [trial(alert, known) for alert in parsed.alerts]
    if output == "json":
        write_json({"note": parsed.note, "alerts": [_trial(one) for one in trials]})
    else:
        out().print(delivery_view.trials(trials, parsed.note))
    starts = any(would.starts for one in trials for would in one.would)
    return int(Exit.OK if starts else Exit.FAILED)


def _headers(given: Sequence[str]) -> dict[str, str]:
    """The headers of a payload. Raises `UsageError`."""
    headers: dict[str, str] = {}
    for line in given:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise UsageError(f"{line!r} is no header.", next="Usage: --header 'X-GitHub-Event: secret_scanning_alert'")
        headers[name.strip().lower()] = value.strip()
    return headers


def _body(file: Path) -> bytes:
    """As much of a file as a delivery may have, and a byte more. Raises `UsageError`."""
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        what = f"{file} cannot be read: {error.strerror}."
        raise UsageError(what, changed="Nothing was started.", next="Correct the path.") from None


def _document(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": one.state.value,
        "door": one.door,
        "source": one.source,
        "received": one.received_at,
        "handled": one.handled_at,
        "title": one.title,
        "incidents": list(one.incidents),
        "seen": one.seen,
        "attempts": one.attempts,
        "reason": one.reason,
        "against": one.against.splitlines(),
    }


def _trial(one: Trial) -> dict[str, Any]:
    would = [
        {
            "runbook": each.runbook,
            "starts": each.starts,
            "incident": each.incident,
            "inputs": each.inputs,
            "auto": each.auto.value,
            "at_once": list(each.at_once),
            "asks": each.asks,
            "command": each.command,
        }
        for each in one.would
    ]
    return {
        "alert": one.alert.model_dump(mode="json", exclude={"raw"}),
        "would": would,
        "against": list(one.against),
    }
