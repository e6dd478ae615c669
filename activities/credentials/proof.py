"""Is a credential dead? Asked by its value where that is known, else by its id; again while a provider needs time."""

import datetime
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import SecretStr

from activities._clients import Clients
from activities.providers._provider import Api, Life, ProviderModule, Reading, kind_of
from activities.sinks._sink import Held
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.plan import Verdict
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.words import span

VERDICTS: dict[Life, Verdict] = {
    "dead": Verdict.CONTAINED,
    "live": Verdict.NOT_CONTAINED,
    "unknown": Verdict.UNKNOWN,
}
#: What is asked of a provider within one attempt, so that its limits are not used up by proofs. Seconds.
PAUSE = 1.0
#: How many windows long to wait for one in which it is dead throughout.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Subject:
    """A credential, its provider, and its value where that is known."""

    module: ProviderModule
    api: Api
    credential: Credential
    kind: Kind
    value: SecretStr | None

    @classmethod
    def of(
        cls, clients: Clients, credential: Credential, value: str = "", seen: Mapping[str, Held] | None = None
    ) -> "Subject":
        """Read the value at a reference, if one is given or the credential names where it lives.

        What is `seen` already is not read again. Raises `invalid_arguments` for a provider, kind or id that cannot be.
        A value that is not there (any more) is no error unless it was asked for.
        """
        module, api = clients.provider(credential.provider)
        kind = kind_of(api.provider, credential)
        if value:
            return cls(module, api, credential, kind, clients.secret(value))
        place = (seen or {}).get(credential.where)
        held = place.value if place else _value_at(clients, credential.where)
        return cls(module, api, credential, kind, held)

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"the {self.api.provider.title} {self.kind.title} {self.credential.label}".rstrip()

    def read(self) -> tuple[Reading, tuple[Evidence, ...]]:
        """One reading. The value's own answer counts; the id's where that is not known or tells nothing.

        Where a provider lags, that the id is dead says nothing of a value which is known and did not tell.
        """
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
        if told.life == "dead" and self.kind.lag and self.value is not None:
            told = readings[0]
        return told, tuple(one.evidence for one in readings)

    def sure(self) -> tuple["Subject", Reading, tuple[Evidence, ...]]:
        """The first reading, before anything is changed, and whom to ask from then on.

        A value that is refused while the provider calls the id active is that of another credential, or outdated: that
        it is dead says nothing of this one, which is then asked about by its id only.
        """
        reading, evidence = self.read()
        if reading.life != "dead" or self.value is None or not self.credential.id or not self._told_apart:
            return self, reading, evidence
        by_id = self._looked()
        if by_id is None or by_id.life != "live":
            return self, reading, evidence
        return replace(self, value=None), by_id, (*evidence, by_id.evidence)

    @property
    def _told_apart(self) -> bool:
        """What is replaced in place, or in a slot, keeps its id: the id lives on, whatever became of the value."""
        return self.kind.replacement not in {"in_place", "slots"}

    def _looked(self) -> Reading | None:
        try:
            return self.module.look(self.api, self.credential)
        except StepError as error:
            if error.retryable:
                raise
            # Who may not ask by id has the value's own answer.
            return None

    def refuse_stranger(self) -> None:
        """Raise for a credential that cannot be the right one, before anything is changed.

        `invalid_arguments` where neither id nor value is known, `not_found` for an id that its provider does not know.
        Where a value is known, it tells at the end.
        """
        if self.value is not None:
            return
        if not self.credential.id:
            self.read()
        if not self.module.look(self.api, self.credential).exists:
            raise self.stranger()

    def stranger(self) -> StepError:
        """The error for an id that its provider does not know: it may be another one's, and alive there."""
        return StepError(
            "not_found",
            f"{self.api.provider.title} does not know {self.label}: it was deleted, or belongs to another account, "
            "organization or project than firedoor acts in.",
            next="Check its id and scope, and whose credential firedoor uses there. Whether it still works, its value "
            "tells: give `value`.",
        )

    def dead(self, since: datetime.datetime | None, settle_seconds: float) -> tuple[Reading, tuple[Evidence, ...]]:
        """Read until it is dead, over the settle window; raise `not_yet` while the provider is known to need longer.

        `since` is when the revocation was sent; None: just now. Where a provider wavers, it must be dead throughout the
        window; where it takes a try amiss, it is asked once.
        """
        began = time.monotonic()
        dead_since: float | None = None
        while True:
            reading, evidence = self.read()
            now = time.monotonic()
            dead_since = (dead_since or now) if reading.life == "dead" else None
            held = settle_seconds if self.kind.wavers else 0.0
            if dead_since is not None and now - dead_since >= held:
                break
            over = now - began >= settle_seconds * (PATIENCE if self.kind.wavers else 1)
            # A refusal that has just begun to hold is given its window, however late it is.
            if not self.kind.polled or (over and reading.life != "dead"):
                break
            time.sleep(min(PAUSE, max(0.01, settle_seconds / 5)))
        if reading.life != "dead" and not self.over(since):
            raise StepError(
                "not_yet",
                f"{self.api.provider.title} accepted that {self.label} is revoked, and does not refuse it yet "
                f"({reading.evidence.says}); it is known to take up to {span(self.kind.lag)}.",
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
