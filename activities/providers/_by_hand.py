"""The verbs that a provider's API does not have: a module imports them from here, and a person is told what to do."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import SecretStr

from activities.providers._provider import Api, Made, Reading, Use, by_hand
from firedoor.incident import Evidence
from firedoor.providers import Verb
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """Nobody can list them but a person at the console."""
    by_hand(api, Credential(provider=api.provider.name, id="", kind=kind.name, scope=scope), Verb.INVENTORY)


def look(api: Api, credential: Credential) -> Reading:
    """The provider tells nothing of a credential by its id."""
    says = f"{api.provider.title} tells nothing of a credential by its id"
    return Reading("unknown", Evidence(source=f"{api.provider.name}:none", says=says))


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """A person revokes it at the console."""
    by_hand(api, credential, Verb.REVOKE)


def enable(api: Api, credential: Credential) -> Evidence:
    """What this provider revokes stays revoked."""
    by_hand(api, credential, Verb.CREATE)


def delete(api: Api, credential: Credential) -> Evidence:
    """A person deletes it at the console."""
    by_hand(api, credential, Verb.REVOKE)


def create(api: Api, like: Credential, name: str) -> Made:
    """A person creates it at the console, and pastes the value into firedoor's hidden prompt."""
    by_hand(api, like, Verb.CREATE)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """firedoor makes none here."""
    return ()


def usage(api: Api, credential: Credential, since: datetime) -> Sequence[Use]:
    """The provider reports no usage by key."""
    by_hand(api, credential, Verb.USAGE)
