"""What a provider's module looks like, what its functions are given, and what they return.

A module has one function a verb; `ProviderModule` is its shape, which mypy proves of every module in the list.
A verb that its API lacks is an import from `activities.providers._by_hand`. Values of credentials are `SecretStr`, live
in local variables, and never get into what a function returns but `Made.value`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NoReturn, Protocol, runtime_checkable

from pydantic import SecretStr

from activities._http import Http, Reply, Request, plain
from activities.aws.accounts import Accounts
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers import Provider, Verb
from firedoor.providers._provider import ByHand, Kind, Never
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

#: `live` and `dead` are the provider's own word; whatever is neither is `unknown`.
Life = Literal["live", "dead", "unknown"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the provider says of a credential now. `last_used` is RFC 3339, empty where it does not tell."""

    life: Life
    evidence: Evidence
    last_used: str = ""
    exists: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """A new credential and its value."""

    credential: Credential
    value: SecretStr = field(repr=False)


@dataclass(frozen=True, slots=True)
class Use:
    """How much a credential was used in one hour (or day): `model`, `region`, `address` where the provider tells."""

    start: datetime
    seconds: int
    requests: int
    tokens: int = 0
    failed: int = 0
    model: str = ""
    region: str = ""
    address: str = ""


class Secrets(Protocol):
    """Resolves references to the secrets that firedoor itself needs."""

    def __call__(self, reference: str, /) -> SecretStr:
        """The value at a reference. Raises `StepError`."""
        ...


@dataclass(frozen=True, slots=True)
class Api:
    """What a provider's functions may use. `settings` are those of `[providers.NAME]`, with defaults.

    `http` is None for AWS only, which is reached by `aws`.
    """

    provider: Provider
    http: Http | None
    settings: Mapping[str, str]
    secrets: Secrets
    aws: Accounts

    def setting(self, name: str) -> str:
        """A setting. Raises `credentials_missing` where it is not given: the sentence says how to give it."""
        value = self.settings.get(name, "")
        if not value:
            description = self.provider.settings[name].description
            example = f'"env:FIREDOOR_SECRET_{self.provider.name.upper()}_{name.upper()}"'
            raise StepError(
                "credentials_missing",
                f"firedoor is not told how to act at {self.provider.title}: {name} is missing. It is: {description}.",
                next=f"Add it to firedoor.toml and restart the worker:\n[providers.{self.provider.name}]\n"
                f"{name} = {example if self.provider.settings[name].secret else '…'}",
            )
        return value

    def secret(self, name: str) -> SecretStr:
        """The secret that a setting refers to."""
        return self.secrets(self.setting(name))

    def send(self, request: Request) -> Reply:
        """Send a request. Raises `StepError`."""
        if self.http is None:
            raise TypeError(f"{self.provider.title} is not reached by HTTP")
        return self.http.send(request)


class ProviderModule(Protocol):
    """One provider: a module in `activities/providers`, whose name is the provider's.

    Where there are `slots`, `fingerprint` is what the slot of a credential held when it was looked at: `revoke` and
    `create` regenerate a slot that still holds it, and leave or read back another one; `made` is a slot that holds
    something else.
    """

    def inventory(self, api: Api, kind: Kind, scope: str, /) -> Sequence[Found]:
        """What exists of a kind, without values; over all scopes where `scope` is empty. Reads."""
        ...

    def look(self, api: Api, credential: Credential, /) -> Reading:
        """What the provider says of a credential by its id; `exists` False where it knows none. Reads."""
        ...

    def verify(self, api: Api, credential: Credential, value: SecretStr, /) -> Reading:
        """Try the value itself, with a call that costs nothing and changes nothing. Reads."""
        ...

    def revoke(self, api: Api, credential: Credential, value: SecretStr | None, /) -> Evidence:
        """Make it useless, in the way that can be taken back where there is one. What is dead already is no error."""
        ...

    def enable(self, api: Api, credential: Credential, /) -> Evidence:
        """Take `revoke` back, where the kind is `reversible`."""
        ...

    def delete(self, api: Api, credential: Credential, /) -> Evidence:
        """Remove it for good: orphans, and what was disabled long enough. What is gone already is no error."""
        ...

    def create(self, api: Api, like: Credential, name: str, /) -> Made:
        """A new credential named `name`, that can do what `like` can. One call; never repeated without a look."""
        ...

    def made(self, api: Api, like: Credential, name: str, known: Sequence[str], /) -> Sequence[Credential]:
        """Credentials that an earlier `create` with this name made. Reads.

        `known` are the ids that existed before it, for kinds that are not `named`; empty for others.
        """
        ...

    def usage(self, api: Api, credential: Credential, since: datetime, /) -> Sequence[Use]:
        """How it was used since then, as far as the provider tells. Reads."""
        ...


@runtime_checkable
class BatchModule(Protocol):
    """What a provider's module has besides where one of its kinds has a `batch`."""

    def revoke_values(self, api: Api, kind: Kind, values: Sequence[SecretStr], /) -> Evidence:
        """Make up to `kind.batch` values useless with one call. One that is dead already is no error.

        Raises `ProviderError` with status 400, 413 or 422 where the provider takes none of them because of one.
        """
        ...


def kind_of(provider: Provider, credential: Credential) -> Kind:
    """The kind of a credential, whose id and scope look as they must. Raises `invalid_arguments`.

    Ids come from alerts and inventories: what does not look like an id never reaches the provider.
    """
    try:
        kind = provider.kind(credential.kind)
    except LookupError as error:
        raise StepError("invalid_arguments", f"{error}.", next="Correct the credential's kind.") from None
    for word, text, pattern in (
        ("id", credential.id, kind.id_pattern),
        ("scope", credential.scope, kind.scope_pattern),
    ):
        if text and not re.fullmatch(pattern, text):
            raise StepError(
                "invalid_arguments",
                f"{plain(text)[:60]!r} is not the {word} of any {provider.title} {kind.title}: nothing was sent.",
                next="Look where it comes from; an alert is a stranger's text.",
            )
    return kind


#: What a person does when the provider's console has done its part.
THEN = {
    Verb.CREATE: "Then `firedoor paste INCIDENT STEP`: it takes the value in a hidden prompt, and the step goes on.",
    Verb.REVOKE: "Then retry the step: it looks at what you did.",
}


def by_hand(api: Api, credential: Credential, verb: Verb) -> NoReturn:
    """Raise `needs_person` with what to do, or `conflict` where it cannot be done at all."""
    kind = kind_of(api.provider, credential)
    means = kind.means(verb)
    who = f"the {api.provider.title} {kind.title} {credential.label}"
    if isinstance(means, ByHand):
        words: dict[str, Any] = {
            "name": credential.name or credential.id,
            "id": credential.id,
            "scope": credential.scope or "that it is in",
            "owner": credential.owner or "its owner",
        }
        raise StepError(
            "needs_person",
            f"{api.provider.title} has no API to {verb.value} {who}: a person has to.",
            next=f"{means.steps.format_map(words)} {means.link}\n{THEN.get(verb, THEN[Verb.REVOKE])}",
        )
    why = means.why if isinstance(means, Never) else "its module lacks it"
    raise StepError("conflict", f"firedoor cannot {verb.value} {who}: {why}.", next="Do it by hand, or skip the step.")
