"""Google: API keys, and keys of service accounts. Each kind has a module of its own; this one knows which is meant."""

import datetime
from collections.abc import Sequence

from pydantic import SecretStr

from activities.providers import _google_account_keys, _google_api_keys
from activities.providers._provider import Api, Made, ProviderModule, Reading, Use, kind_of
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

KINDS: dict[str, ProviderModule] = {"api_key": _google_api_keys, "service_account_key": _google_account_keys}


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """Keys of a project; keys of a service account, or of all accounts of the project."""
    return KINDS[kind.name].inventory(api, kind, scope)


def look(api: Api, credential: Credential) -> Reading:
    """GET of the key by its id."""
    return _of(api, credential).look(api, credential)


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """A call with the API key; an access token for what the service account's key signs."""
    return _of(api, credential).verify(api, credential, value)


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """An API key is deleted, and can be undeleted; a service account's key is disabled."""
    return _of(api, credential).revoke(api, credential, value)


def enable(api: Api, credential: Credential) -> Evidence:
    """Undeleted, or enabled."""
    return _of(api, credential).enable(api, credential)


def delete(api: Api, credential: Credential) -> Evidence:
    """Deleted."""
    return _of(api, credential).delete(api, credential)


def create(api: Api, like: Credential, name: str) -> Made:
    """A key with the same restrictions; another key of the same service account."""
    return _of(api, like).create(api, like, name)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """The key whose id comes of the name; keys that the account did not have before."""
    return _of(api, like).made(api, like, name, known)


def usage(api: Api, credential: Credential, since: datetime.datetime) -> Sequence[Use]:
    """Cloud Monitoring."""
    return _of(api, credential).usage(api, credential, since)


def _of(api: Api, credential: Credential) -> ProviderModule:
    return KINDS[kind_of(api.provider, credential).name]
