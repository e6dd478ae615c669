"""`credential.verify`, `credential.prove_dead`, `credential.inventory`: reads."""

import datetime

from activities._action import Context, performs
from activities.credentials.meant import held
from activities.credentials.proof import Subject
from activities.credentials.reach import placed
from activities.providers._provider import Reading
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome
from firedoor.plan import Verdict
from firedoor.providers import Verb
from firedoor.providers._provider import ByApi
from firedoor.steps.credentials import Found, Inventory, Life, ProveDead, TakeInventory, Verify
from firedoor.words import plural

#: As many customers stand in a sentence.
NAMED = 10


@performs(Verify)
def verify(step: Verify, context: Context) -> Outcome:
    """The provider's own answer to the value, or of the id.

    Of a slot asked about by its id alone, the result has the fingerprint of what it holds: what is asked later about
    that credential is asked about the same value.
    """
    credential = held(Subject.of(context.clients, step.credential, step.value)).credential
    outcome, _ = _life(step.model_copy(update={"credential": credential}), context)
    return outcome


@performs(ProveDead)
def prove_dead(step: ProveDead, context: Context) -> Outcome:
    """As `verify`, with a verdict."""
    outcome, verdict = _life(step, context)
    return outcome.model_copy(update={"verdict": verdict})


@performs(TakeInventory)
def take_inventory(step: TakeInventory, context: Context) -> Outcome:
    """The list calls of the provider, one kind after the other."""
    module, api = context.clients.provider(step.provider)
    try:
        kinds = [api.provider.kind(step.kind)] if step.kind else list(api.provider.kinds)
    except LookupError as error:
        raise StepError("invalid_arguments", f"{error}.", next="Correct `kind`, or leave it out.") from None
    found: list[Found] = []
    unlisted: list[str] = []
    for kind in kinds:
        if isinstance(kind.means(Verb.INVENTORY), ByApi):
            found += module.inventory(api, kind, step.scope)
        else:
            unlisted.append(kind.name)
    inventory = context.clients.inventory()
    wanted = tuple(placed(one, inventory) for one in found if _wanted(one, step))
    result = Inventory(
        provider=step.provider,
        found=wanted,
        credentials=tuple(one.credential for one in wanted if one.status == "active"),
        customers=tuple(sorted({customer for one in wanted for customer in one.customers})),
        unlisted=tuple(unlisted),
    )
    blind = f" It lists no {', '.join(unlisted)}." if unlisted else ""
    return Outcome(
        summary=f"{_listed(api.provider.title, len(found), result, step.unchanged_since)}{blind}",
        result=result.model_dump(mode="json"),
        evidence=(Evidence(source=f"{step.provider}:inventory", says=f"{len(found)} credentials listed"),),
    )


def _listed(title: str, found: int, wanted: Inventory, since: str) -> str:
    """What was found, and of what has not changed who has to be told again."""
    if not since:
        return f"{title} lists {plural(found, 'credentials')}; {len(wanted.found)} of them were asked for."
    some = ", ".join(wanted.customers[:NAMED]) + (", …" if len(wanted.customers) > NAMED else "")
    who = f" {plural(len(wanted.customers), 'customers')} depend on them: {some}." if some else ""
    return f"Of {plural(found, 'credentials')} at {title} {len(wanted.found)} have not changed since {since}.{who}"


def _wanted(found: Found, step: TakeInventory) -> bool:
    credential = found.credential
    named = step.name_contains in credential.name or step.name_contains in credential.id
    return named and credential.id not in step.except_ids and _unchanged(found, step.unchanged_since)


def _unchanged(found: Found, since: str) -> bool:
    """Is it known that the value has not changed since a moment? Without a moment that does not matter."""
    if not since:
        return True
    moment = datetime.datetime.fromisoformat
    return bool(found.changed) and moment(found.changed) < moment(since)


def _life(step: Verify | ProveDead, context: Context) -> tuple[Outcome, Verdict]:
    subject, reading, evidence = Subject.of(context.clients, step.credential, step.value).sure()
    since = datetime.datetime.fromisoformat(step.revoked_at) if step.revoked_at else None
    settled = reading.life == "dead" or since is None or subject.over(since)
    result = Life(
        credential=step.credential, state=reading.life, last_used=reading.last_used, settled=settled
    ).model_dump(mode="json")
    outcome = Outcome(summary=_sentence(subject, reading), result=result, evidence=evidence)
    return outcome, subject.proved(reading, by_value=subject.value is not None)


def _sentence(subject: Subject, reading: Reading) -> str:
    words = {"live": "is accepted", "dead": "is refused", "unknown": "may be alive or dead"}
    word = words[reading.life] if reading.exists else "is not there"
    sentence = f"{subject.label} {word}: {subject.api.provider.title} {reading.evidence.says}."
    return sentence[:1].upper() + sentence[1:]
