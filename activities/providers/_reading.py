"""What providers' modules have in common when they read answers: values tried, moments, fingerprints."""

import datetime
import hashlib
from collections.abc import Callable, Collection
from typing import Any

from pydantic import SecretStr

from activities._http import ProviderError, Request
from activities.providers._provider import Api, Reading
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.words import plural

#: No list of credentials is longer; one that says so is a fault or a trap.
MOST_PAGES = 1000


def tried(
    api: Api,
    request: Request,
    *,
    dead: Collection[int],
    live: Collection[int] = (200,),
    refused: Callable[[Any], bool] = lambda _: False,
    doubtful: Callable[[Any], bool] = lambda _: False,
) -> Reading:
    """Try a value: the statuses that mean refused, and those that mean accepted. Whatever else comes is `unknown`.

    `refused` and `doubtful` are for providers that say no, or nothing, with a status that means yes: they look at the
    answer.
    """
    try:
        reply = api.send(request)
    except ProviderError as error:
        call = f"{api.provider.name}:{request.method} {request.template}"
        return Reading("unknown", Evidence(source=call, says=f"no answer that tells: {error.reason}"))
    if reply.status in live and refused(reply.data):
        return Reading("dead", reply.evidence(f"refused the value in its answer, with {reply.status}"))
    if reply.status in live and doubtful(reply.data):
        return Reading("unknown", reply.evidence(f"answered {reply.status} with an error that does not tell"))
    if reply.status in dead:
        return Reading("dead", reply.evidence(f"refused the value with {reply.status}"))
    if reply.status in live:
        return Reading("live", reply.evidence(f"accepted the value with {reply.status}"))
    return Reading("unknown", reply.evidence(f"answered {reply.status}, which does not tell"))


def endless(api: Api, template: str, pages: int = MOST_PAGES) -> StepError:
    """The error for a list that never ends."""
    return StepError(
        "provider_error",
        f"{api.provider.title} goes on listing after {pages} pages ({template}).",
        next="Narrow it down with `scope`, or look at the provider's console.",
    )


def moment(value: Any) -> str:
    """A provider's time as RFC 3339 in UTC with whole seconds: epoch seconds, or ISO 8601. Empty for neither."""
    try:
        if isinstance(value, int | float) and value > 0:
            found = datetime.datetime.fromtimestamp(value, datetime.UTC)
        elif isinstance(value, str) and value:
            found = datetime.datetime.fromisoformat(value)
        else:
            return ""
    except (ValueError, OverflowError, OSError):
        return ""
    whole = found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    return whole.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fingerprint(value: SecretStr) -> str:
    """Tells two values apart and gives neither away: the start of the SHA-256."""
    return f"sha256:{hashlib.sha256(value.get_secret_value().encode()).hexdigest()[:16]}"


def taken(count: int) -> str:
    """How many tokens a revocation took: the only one, or so many."""
    return "the token" if count == 1 else plural(count, "tokens")
