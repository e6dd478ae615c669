"""`braintrust.disable_secret`."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from activities._action import Context, performs
from activities._http import Request
from activities.credentials.reach import dependents
from activities.providers._provider import Api
from activities.providers.braintrust import GONE, own
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome, Preview
from firedoor.plan import Verdict
from firedoor.sinks import Place, place
from firedoor.steps.braintrust import DisabledSecret, DisableSecret

SCHEME = "braintrust"


@performs(DisableSecret)
def disable_secret(step: DisableSecret, context: Context) -> Iterator[Preview | Outcome]:
    """GET /v1/{kind} by name, DELETE /v1/{kind}/{id}, and GET once more."""
    _, api = context.clients.provider(SCHEME)
    where, since = _place(step), _since(step)
    stored, _ = _look(api, where)
    state = _state(stored, since)
    nothing = {"removed": "is not there: nothing to change", "replaced": "was replaced: nothing to change"}
    yield context.earlier or Preview(
        change=f"the copy at {where.text}: {nothing.get(state) or f'deleted; {_known(stored)}'}",
        # The same whether or not its owner replaces it meanwhile: less is done then than was approved, and nobody is
        # asked again.
        before={"place": where.text},
        after={"state": "removed" if state == "stored" else state},
        blast=step.blast,
        dependents=dependents(context.clients, step.credential) if state == "stored" else (),
    )
    evidence: tuple[Evidence, ...] = ()
    if state == "stored" and stored is not None:
        kind = where.name.partition("/")[0]
        ids = {"id": str(stored["id"])}
        reply = api.send(Request("DELETE", f"/v1/{kind}/{{id}}", ids=ids, headers=own(api), statuses=GONE))
        evidence = (reply.evidence(f"{where.text} is deleted"),)
    left, proof = _look(api, where)
    now = _state(left, since)
    # What an earlier attempt deleted is gone when this one looks.
    changed = state == "stored" or (context.earlier is not None and now == "removed")
    yield Outcome(
        summary=f"The copy at {where.text} {_says(now, changed=changed)}.",
        result=DisabledSecret(credential=step.credential, state=now, changed=_changed(left)).model_dump(mode="json"),
        verdict=Verdict.NOT_CONTAINED if now == "stored" else Verdict.CONTAINED,
        changed=changed,
        evidence=(*evidence, proof),
    )


def _place(step: DisableSecret) -> Place:
    where = step.credential.where
    if not where.startswith(f"{SCHEME}:"):
        raise StepError(
            "invalid_arguments",
            f"{step.credential.label or 'The credential'} is kept at {where or 'no known place'}, not in Braintrust.",
            changed="Nothing was changed.",
            next="Have somebody take it out of that store, and skip it here with what was done.",
        )
    return place(where)


def _since(step: DisableSecret) -> datetime.datetime | None:
    if not step.unchanged_since:
        return None
    try:
        moment = datetime.datetime.fromisoformat(step.unchanged_since)
    except ValueError:
        raise StepError(
            "invalid_arguments", f"`unchanged_since` is no time: {step.unchanged_since!r}.", next="Give it as RFC 3339."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _look(api: Api, where: Place) -> tuple[Mapping[str, Any] | None, Evidence]:
    """What is stored there, and Braintrust's answer."""
    kind, _, rest = where.name.partition("/")
    wanted: dict[str, str] = {}
    if kind == "env_var":
        wanted["object_type"], wanted["object_id"], rest = rest.split("/", 2)
    wanted["name"] = rest
    query = {f"{kind}_name": rest, **{key: value for key, value in wanted.items() if key != "name"}}
    reply = api.send(Request("GET", f"/v1/{kind}", query=query, headers=own(api)))
    found = next((one for one in reply.data["objects"] if wanted.items() <= one.items()), None)
    says = f"was last changed at {_changed(found) or 'no known time'}" if found else "is not listed"
    return found, reply.evidence(f"{where.text} {says}")


def _changed(stored: Mapping[str, Any] | None) -> str:
    return str((stored or {}).get("secret_updated_at") or (stored or {}).get("created") or "")


def _known(stored: Mapping[str, Any] | None) -> str:
    """What there is to know, for whoever agrees to the deletion: nobody who cannot look knows that it was replaced."""
    return f"last changed {_changed(stored)}" if _changed(stored) else "Braintrust does not tell when it last changed"


def _state(stored: Mapping[str, Any] | None, since: datetime.datetime | None) -> Any:
    if stored is None:
        return "removed"
    text = _changed(stored)
    try:
        moment = datetime.datetime.fromisoformat(text) if text else None
    except ValueError:
        moment = None
    return "replaced" if since and moment and moment > since else "stored"


def _says(state: str, *, changed: bool) -> str:
    if state == "stored":
        return "is still there"
    if state == "replaced":
        return "holds a newer value, which was left alone"
    return "is deleted, and Braintrust does not list it any more" if changed else "is not there any more"
