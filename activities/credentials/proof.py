"""Is a credential dead? Asked by its value where that is known, else by its id; again while a provider needs time."""

import datetime
import time
from dataclasses import dataclass

from pydantic import SecretStr

from activities._clients import Clients
from activities.providers._provider import Api, Life, ProviderModule, Reading, kind_of
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.plan import Verdict
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential

VERDICTS: dict[Life, Verdict] = {
    "dead": Verdict.CONTAINED,
    "live": Verdict.NOT_CONTAINED,
    "unknown": Verdict.UNKNOWN,
}
#: What is asked of a provider within one attempt, so that its limits are not used up by proofs. Seconds.
PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A credential, its provider, and its value where that is known."""

    module: ProviderModule
    api: Api
    credential: Credential
    kind: Kind
    value: SecretStr | None

    @classmethod
    def of(cls, clients: Clients, credential: Credential, value: str = "") -> "Subject":
        """Read the value at a reference, if one is given or the credential names where it lives.

        Raises `invalid_arguments` for a provider, kind or id that cannot be. A value that is not there (any more) is
        no error unless it was asked for.
        """
        module, api = clients.provider(credential.provider)
        kind = kind_of(api.provider, credential)
        if value:
            return cls(module, api, credential, kind, clients.secret(value))
        return cls(module, api, credential, kind, _value_at(clients, credential.where))

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"the {self.api.provider.title} {self.kind.title} {self.credential.label}".rstrip()

    def read(self) -> tuple[Reading, tuple[Evidence, ...]]:
        """One reading. The value's own answer counts; the id's where that is not known or tells nothing."""
        readings: list[Reading] = []
        if self.value is not None:
            readings.append(self.module.verify(self.api, self.credential, self.value))
        if (not readings or readings[0].life == "unknown") and self.credential.id:
            readings.append(self.module.look(self.api, self.credential))
        if not readings:
            raise StepError(
                "invalid_arguments",
                f"Nothing is known of {self.label} by which {self.api.provider.title} could be asked.",
                next="Give its id, or `value`: a reference to where its value can be read.",
            )
        told = next((one for one in readings if one.life != "unknown"), readings[0])
        return told, tuple(one.evidence for one in readings)

    def dead(self, since: datetime.datetime | None, settle_seconds: float) -> tuple[Reading, tuple[Evidence, ...]]:
        """Read until it is dead, over the settle window; raise `not_yet` while the provider is known to need longer.

        `since` is when the revocation was sent; None: just now.
        """
        began = time.monotonic()
        while True:
            reading, evidence = self.read()
            if reading.life == "dead" or time.monotonic() - began >= settle_seconds:
                break
            time.sleep(min(PAUSE, max(0.01, settle_seconds / 5)))
        if reading.life != "dead" and not self.over(since):
            raise StepError(
                "not_yet",
                f"{self.api.provider.title} accepted that {self.label} is revoked, and does not refuse it yet "
                f"({reading.evidence.says}); it is known to take up to {self.kind.lag // 60} minutes.",
                changed="The revocation was accepted.",
                next="firedoor goes on looking by itself.",
            )
        return reading, evidence

    def over(self, since: datetime.datetime | None) -> bool:
        """Is the time over that the provider is known to need?"""
        passed = (datetime.datetime.now(datetime.UTC) - since).total_seconds() if since else 0.0
        return passed >= self.kind.lag

    def proved(self, reading: Reading, *, by_value: bool) -> Verdict:
        """The verdict. A provider that lags has to refuse the value itself: that it lists no such id proves nothing."""
        if reading.life == "dead" and self.kind.lag and not by_value:
            return Verdict.UNKNOWN
        return VERDICTS[reading.life]


def _value_at(clients: Clients, where: str) -> SecretStr | None:
    if not where:
        return None
    try:
        return clients.secret(where)
    except StepError as error:
        if error.retryable:
            raise
        return None
