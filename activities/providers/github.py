"""GitHub: tokens are revoked by their value. Nobody's permission is needed, and none may be shown.

API: https://docs.github.com/rest/credentials/revoke. An authenticated call is refused with 403; the answer is 202 also
where there is no such token, so that its own next call is the proof.
"""

from collections.abc import Sequence

from pydantic import SecretStr

from activities._http import Request
from activities.providers import _by_hand
from activities.providers._by_hand import create, delete, enable, inventory, look, made, usage
from activities.providers._provider import Api, Reading, by_hand, kind_of
from activities.providers._reading import taken, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers import Verb
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential

__all__ = ["create", "delete", "enable", "inventory", "look", "made", "revoke", "revoke_values", "usage", "verify"]

VERSION = "2022-11-28"
#: GitHub's own type first; its document declares only the other.
ACCEPT = "application/vnd.github+json, application/json"
#: Tokens that only make others: what any call says to them is the same, dead or alive.
REFRESH = "ghr_"
TRIES = {"personal_access_token": ("/user", {}), "installation_token": ("/installation/repositories", {"per_page": 1})}


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /user, or GET /installation/repositories; 401 is dead, but of a refresh token, which no call accepts."""
    kind = kind_of(api.provider, credential)
    if kind.name not in TRIES:
        by_hand(api, credential, Verb.VERIFY)
    if value.get_secret_value().startswith(REFRESH):
        says = "GitHub accepts a refresh token in no call but the one that uses it up"
        return Reading("unknown", Evidence(source="github:none", says=says))
    path, query = TRIES[kind.name]
    request = Request("GET", path, query=query, headers=_bearer(value), secrets=[value], statuses={401, 403})
    # A limit is a 403 as well; it says nothing of the token.
    return tried(api, request, dead={401}, live={200})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """POST /credentials/revoke, or DELETE /installation/token with the token itself."""
    kind = kind_of(api.provider, credential)
    if kind.name not in TRIES:
        return _by_hand.revoke(api, credential, value)
    if value is None:
        raise StepError(
            "needs_person",
            f"GitHub revokes a token by its value, and the value of {credential.label} is not known.",
            next="Give `value`: a reference to where the leaked token can be read. Or have its owner delete it at "
            "https://github.com/settings/tokens, then skip the step with that as the reason: nobody else can tell.",
        )
    if kind.name == "installation_token":
        reply = api.send(
            Request("DELETE", "/installation/token", headers=_bearer(value), secrets=[value], statuses={401})
        )
        return reply.evidence("the installation token is revoked" if reply.status != 401 else "it was refused already")
    return revoke_values(api, kind, [value])


def revoke_values(api: Api, kind: Kind, values: Sequence[SecretStr]) -> Evidence:
    """POST /credentials/revoke, which answers 422 to all of them where one is nothing that it revokes."""
    body = {"credentials": [value.get_secret_value() for value in values]}
    reply = api.send(Request("POST", "/credentials/revoke", json=body, headers=_plain(), secrets=values))
    return reply.evidence(f"took {taken(len(values))} for revocation, as it does whether or not there is such a token")


def _plain() -> dict[str, str]:
    return {"X-GitHub-Api-Version": VERSION, "Accept": ACCEPT}


def _bearer(value: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {value.get_secret_value()}", **_plain()}
