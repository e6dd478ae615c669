"""A stage for drills of credentials: fake providers, an AWS account that ministack enforces, users that never stop.

A drill says what is planted, who uses what, and what each of them must be answered at the end.
"""

import asyncio
import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx

from firedoor.config import LIMITS, Settings
from firedoor.drill.aws_people import now
from firedoor.drill.emulators import NO_TLS, REGION, Aws, AwsKey, start_aws
from firedoor.drill.fakes._fake import Fake
from firedoor.drill.result import Attempt, Proof
from firedoor.drill.scenario import Scenario
from firedoor.plan import Plan
from firedoor.providers import providers
from firedoor.supervisor import Supervisor

PACE = 0.1
PROBES = 3
OK = 200
#: What the responder may do with secrets.
ACTIONS = ("DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a credential: `call` is asked for the URL and the headers of each call.

    `at_last` is the status that it must get when the incident has ended. `always`: a user that must never be refused.
    """

    who: str
    call: Callable[[], tuple[str, Mapping[str, str]]]
    at_last: int
    always: bool = False


class CredentialsStage(Scenario):
    """Fakes and secrets, and those who use them. Everything is planted by `plant`."""

    #: Seconds between two calls of each user.
    pace: ClassVar[float] = PACE

    def __init__(self) -> None:
        self.fakes: list[Fake] = []
        self.attempts: list[Attempt] = []
        self._people: list[asyncio.Task[None]] = []

    @abstractmethod
    def plant(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """Plant credentials in the fakes, which run; returns the secrets by name, and the inventory."""

    @abstractmethod
    def users(self) -> Iterable[User]:
        """Who uses what."""

    def doubts(self) -> Iterable[str]:
        """What else speaks against containment, in sentences."""
        return ()

    @abstractmethod
    def said(self) -> str:
        """What was proved, in a sentence."""

    async def set_up(self, supervisor: Supervisor, settings: Settings, folder: Path, plan: Plan) -> None:
        """Start the fakes and the emulator, and plant."""
        for fake in self.fakes:
            fake.start()
        self.aws: Aws = await start_aws(supervisor, settings.emulator, folder / "emulator")
        secrets, inventory = self.plant()
        self._inventory = folder / "inventory.yaml"
        self._inventory.write_text(json.dumps(inventory))
        await asyncio.to_thread(self._plant, secrets)

    def configuration(self) -> Mapping[str, Any]:
        """Where the fakes and the emulator are, who holds the role, how firedoor acts at each provider."""
        found: dict[str, Any] = {
            "inventory": str(self._inventory),
            "aws": {"endpoint_url": self.aws.url, "region": REGION, "settle_seconds": 1.0},
            "roles": {"security": [self.responder], "legal": [self.responder]},
        }
        for fake in self.fakes:
            known = providers()[fake.name].settings
            given = {
                name: _reference(fake, name) if known[name].secret else fake.secrets[name] for name in fake.secrets
            }
            found[f"providers.{fake.name}"] = {"base_url": fake.url, **given}
        limited = (*LIMITS, *(fake.name for fake in self.fakes))
        return found | {f'limits."{name}"': {"rate": 1000, "burst": 1000} for name in limited}

    def worker_environment(self) -> Mapping[str, str]:
        """The responder's AWS key, and what firedoor may act with at the providers."""
        found = {
            "AWS_ACCESS_KEY_ID": self.responder_key.id,
            "AWS_SECRET_ACCESS_KEY": self.responder_key.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        for fake in self.fakes:
            found |= {_reference(fake, name).removeprefix("env:"): value for name, value in fake.secrets.items()}
        return found

    async def begin(self) -> None:
        """Everybody uses what they have."""
        users = list(self.users())
        self._people = [asyncio.create_task(self._using(user)) for user in users]
        while {one.who for one in self.attempts if one.answer == "200"} != {user.who for user in users}:
            await asyncio.sleep(PACE)

    async def prove(self) -> Proof:
        """Everybody tries once more; and whoever must never be refused was not."""
        await self._stop()
        users, began = list(self.users()), len(self.attempts)
        for user in users:
            for _ in range(PROBES):
                await self._try(user)
        probes = tuple(self.attempts[began:])
        wanted = {user.who: str(user.at_last) for user in users}
        doubts = [f"A call of {one.who} was answered {one.answer}." for one in probes if one.answer != wanted[one.who]]
        for user in users:
            refused = [one for one in self.attempts if one.who == user.who and one.answer != "200"]
            if user.always and refused:
                doubts.append(f"{user.who} was refused {len(refused)} times, first at {refused[0].at}.")
        thieves = {user.who for user in users if user.at_last != OK}
        attacks = [one for one in self.attempts if one.who in thieves]
        calls = {user.who: dict(Counter(one.answer for one in self.attempts if one.who == user.who)) for user in users}
        return Proof(
            doubts=(*doubts, *self.doubts()),
            probes=probes,
            calls=calls,
            attacker_last_success=max((one.at for one in attacks if one.answer == "200"), default=""),
            attacker_first_refusal=min((one.at for one in attacks if one.answer != "200"), default=""),
            sentence=self.said(),
        )

    async def tear_down(self) -> None:
        """Stop the people and the fakes."""
        await self._stop()
        for fake in self.fakes:
            await asyncio.to_thread(fake.stop)

    def fetched(self, name: str) -> str:
        """What a consumer gets who fetches a secret now."""
        return str(self.aws.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])

    def _plant(self, secrets: Mapping[str, str]) -> None:
        for name, value in secrets.items():
            self.aws.client("secretsmanager").create_secret(Name=name, SecretString=value)
        iam = self.aws.client("iam")
        iam.create_user(UserName="firedoor-responder")
        resources = [f"arn:aws:secretsmanager:*:*:secret:{name}-*" for name in secrets]
        actions = [f"secretsmanager:{action}" for action in ACTIONS]
        statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement, *self.permissions()]})
        iam.put_user_policy(UserName="firedoor-responder", PolicyName="firedoor", PolicyDocument=document)
        made = iam.create_access_key(UserName="firedoor-responder")["AccessKey"]
        self.responder_key = AwsKey(made["AccessKeyId"], made["SecretAccessKey"])

    def permissions(self) -> list[dict[str, Any]]:
        """What the responder may do besides changing the secrets: statements of a policy."""
        return []

    async def _stop(self) -> None:
        for person in self._people:
            person.cancel()
        await asyncio.gather(*self._people, return_exceptions=True)
        self._people = []

    async def _using(self, user: User) -> None:
        while True:
            await self._try(user)
            await asyncio.sleep(self.pace)

    async def _try(self, user: User) -> None:
        url, headers = await asyncio.to_thread(user.call)
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as client:
            answer = await client.get(url, headers=headers)
        call = f"GET {httpx.URL(url).path}"
        self.attempts.append(Attempt(who=user.who, call=call, answer=str(answer.status_code), at=now()))


def called(url: str, key: Callable[[], str]) -> tuple[str, Mapping[str, str]]:
    """A call with whatever key there is when it is made."""
    return url, bearer(key())


def bearer(value: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {value}"}


def _reference(fake: Fake, name: str) -> str:
    return f"env:FIREDOOR_SECRET_{fake.name.upper()}_{name.upper()}"
