"""A routine rotation: three keys, three consumers that never stop, and not one call that is refused."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from firedoor.drill.credentials_stage import CredentialsStage, User, called
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.fakes.openrouter import FakeOpenRouter
from firedoor.drill.scenario import Reply

SECRETS = ("gateway/openai", "batch/openai", "search/openrouter")


class RotateEverything(CredentialsStage):
    """Two keys at OpenAI and one at OpenRouter, each in a secret from which its consumer fetches it."""

    name: ClassVar[str] = "rotate-everything"
    title: ClassVar[str] = "Every key is replaced while its consumers go on"
    script: ClassVar[Mapping[str, Reply]] = {
        "rotate": Reply("approve", "drill"),
        "unplaced": Reply("answer", "drill", {"noted": True}),
    }
    begun: ClassVar[str] = "Every consumer works."
    shortened: ClassVar[tuple[str, ...]] = (
        "OpenAI and OpenRouter are fakes on loopback that behave as their API documents say.",
        "Consumers fetch their key before each call; real ones may keep it for minutes, which `grace` waits for.",
    )

    def __init__(self) -> None:
        super().__init__()
        self.openai, self.openrouter = FakeOpenAI(), FakeOpenRouter()
        self.fakes = [self.openai, self.openrouter]

    def plant(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The keys, their secrets, and an inventory with one entry of which nobody knows where it is."""
        planted = [
            self.openai.plant_credential("service_account_key", "gateway"),
            self.openai.plant_credential("service_account_key", "batch"),
            self.openrouter.plant_credential("api_key", "search"),
        ]
        self.old = {one.value for one in planted}
        entries: dict[str, Any] = {
            place.partition("/")[0]: {
                **one.credential.model_dump(include={"provider", "kind", "id", "scope", "name"}),
                "where": [f"aws-sm:{place}"],
                "consumers": [place.partition("/")[0]],
            }
            for place, one in zip(SECRETS, planted, strict=True)
        }
        entries["somewhere"] = {"provider": "openai", "id": "key_of_nobody_knows_where"}
        consumers: dict[str, Any] = {place.partition("/")[0]: {} for place in SECRETS}
        secrets = {place: one.value for place, one in zip(SECRETS, planted, strict=True)}
        return secrets, {"credentials": entries, "consumers": consumers}

    def users(self) -> Iterable[User]:
        """Each consumer fetches its key, and uses it."""
        for place in SECRETS[:2]:
            url = f"{self.openai.url}/v1/models"
            yield User(place, partial(called, url, partial(self.fetched, place)), 200, always=True)
        url = f"{self.openrouter.url}/api/v1/key"
        yield User(SECRETS[2], partial(called, url, partial(self.fetched, SECRETS[2])), 200, always=True)

    def doubts(self) -> Iterable[str]:
        """None of the old keys may live, and there is one key for each consumer."""
        alive = self.openai.alive("service_account_key") | self.openrouter.alive("api_key")
        if self.old & alive:
            yield f"{len(self.old & alive)} old keys still work."
        if len(alive) != len(SECRETS):
            yield f"There are {len(alive)} keys for {len(SECRETS)} consumers."

    def said(self) -> str:
        """What was proved."""
        return "All three keys are new, the old ones are refused, and no consumer was refused once."
