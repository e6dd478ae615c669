"""A leaked provider key: the key of a gateway's service account at OpenAI, in a secret that its workload reads.

On the stage: a fake OpenAI on loopback, an AWS account that ministack emulates and enforces, an attacker who has and
uses the key, and the gateway, which fetches its key from the secret before each call.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import httpx

from firedoor.config import LIMITS, Settings
from firedoor.drill.aws_people import now
from firedoor.drill.emulators import NO_TLS, REGION, Aws, AwsKey, start_aws
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.result import Attempt, Proof
from firedoor.drill.scenario import Reply, Scenario
from firedoor.plan import Plan
from firedoor.supervisor import Supervisor

PLACE = "gateway/openai"
PACE = 0.1
PROBES = 3
ADMIN = "FIREDOOR_SECRET_OPENAI_ADMIN"


class ProviderKeyLeaked(Scenario):
    """A leaked key of a service account at OpenAI."""

    name: ClassVar[str] = "provider-key-leaked"
    title: ClassVar[str] = "A leaked OpenAI key is used by a stranger"
    script: ClassVar[Mapping[str, Reply]] = {"replace": Reply("approve", "drill")}
    shortened: ClassVar[tuple[str, ...]] = (
        "A change counts as stable after 1 s of equal readings; the default is 10 s.",
        "OpenAI is a fake on loopback that behaves as its API document says; its revocations hold at once.",
    )

    async def set_up(self, supervisor: Supervisor, settings: Settings, folder: Path, plan: Plan) -> None:
        """Start the fake and the emulator, and plant the key in its secret."""
        self.openai = FakeOpenAI()
        self.openai.start()
        self.leaked = self.openai.plant("gateway")
        self.aws: Aws = await start_aws(supervisor, settings.emulator, folder / "emulator")
        self.attempts: list[Attempt] = []
        self._people: list[asyncio.Task[None]] = []
        await asyncio.to_thread(self._plant)

    def configuration(self) -> Mapping[str, Any]:
        """Where the fake and the emulator are, and who holds the role."""
        return {
            "aws": {"endpoint_url": self.aws.url, "region": REGION, "settle_seconds": 1.0},
            "roles": {"security": [self.responder]},
            "providers.openai": {"base_url": self.openai.url, "admin_key": f"env:{ADMIN}"},
            **{f'limits."{provider}"': {"rate": 1000, "burst": 1000} for provider in (*LIMITS, "openai")},
        }

    def worker_environment(self) -> Mapping[str, str]:
        """The responder's AWS key, and the admin key of the organization."""
        return {
            "AWS_ACCESS_KEY_ID": self.responder_key.id,
            "AWS_SECRET_ACCESS_KEY": self.responder_key.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            ADMIN: self.openai.admin,
        }

    async def begin(self) -> None:
        """The attacker and the gateway both use the key."""
        self._people = [
            asyncio.create_task(self._using("the attacker", lambda: self.leaked.value)),
            asyncio.create_task(self._using("the gateway", self._fetched)),
        ]
        while {one.who for one in self.attempts if one.answer == "200"} != {"the attacker", "the gateway"}:
            await asyncio.sleep(PACE)

    def inputs(self) -> Mapping[str, str]:
        """What the person who found the key types."""
        return {
            "provider": "openai",
            "kind": "service_account_key",
            "id": self.leaked.id,
            "scope": self.leaked.project,
            "name": self.leaked.name,
            "sink": f"aws-sm:{PLACE}",
        }

    async def prove(self) -> Proof:
        """The leaked key is refused in every call, and the gateway works with another one."""
        await self._stop()
        began = len(self.attempts)
        for _ in range(PROBES):
            await self._try("the attacker", self.leaked.value)
        await self._try("the gateway", await asyncio.to_thread(self._fetched))
        probes = tuple(self.attempts[began:])
        doubts = [f"A call of {one.who} was answered {one.answer}." for one in probes if one.answer != _wanted(one.who)]
        if len(self.openai.keys) != 1:
            doubts.append(f"OpenAI has {len(self.openai.keys)} keys, not one.")
        attacks = [one for one in self.attempts if one.who == "the attacker"]
        calls = {who: Counter(one.answer for one in self.attempts if one.who == who) for who in _PEOPLE}
        return Proof(
            doubts=tuple(doubts),
            probes=probes,
            calls={who: dict(counts) for who, counts in calls.items()},
            attacker_last_success=max((one.at for one in attacks if one.answer == "200"), default=""),
            attacker_first_refusal=min((one.at for one in attacks if one.answer == "401"), default=""),
            sentence=f"After the end OpenAI refused the leaked key {PROBES} times with 401; the gateway works with a "
            "new one, which it fetches from its secret, and there is no other key.",
        )

    async def tear_down(self) -> None:
        """Stop the people and the fake."""
        await self._stop()
        if hasattr(self, "openai"):
            await asyncio.to_thread(self.openai.stop)

    async def _stop(self) -> None:
        for person in getattr(self, "_people", ()):
            person.cancel()
        await asyncio.gather(*getattr(self, "_people", ()), return_exceptions=True)
        self._people = []

    def _plant(self) -> None:
        self.aws.client("secretsmanager").create_secret(Name=PLACE, SecretString=self.leaked.value)
        iam = self.aws.client("iam")
        iam.create_user(UserName="firedoor-responder")
        actions = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
        allowed = {
            "Effect": "Allow",
            "Action": [f"secretsmanager:{action}" for action in actions],
            "Resource": f"arn:aws:secretsmanager:*:*:secret:{PLACE}-*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="firedoor-responder", PolicyName="firedoor", PolicyDocument=document)
        made = iam.create_access_key(UserName="firedoor-responder")["AccessKey"]
        self.responder_key = AwsKey(made["AccessKeyId"], made["SecretAccessKey"])

    def _fetched(self) -> str:
        answer = self.aws.client("secretsmanager").get_secret_value(SecretId=PLACE)
        return str(answer["SecretString"])

    async def _using(self, who: str, key: Callable[[], str]) -> None:
        while True:
            await self._try(who, await asyncio.to_thread(key))
            await asyncio.sleep(PACE)

    async def _try(self, who: str, key: str) -> None:
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as client:
            answer = await client.get(f"{self.openai.url}/v1/models", headers={"Authorization": f"Bearer {key}"})
        self.attempts.append(Attempt(who=who, call="GET /v1/models", answer=str(answer.status_code), at=now()))


_PEOPLE = ("the attacker", "the gateway")


def _wanted(who: str) -> str:
    return "401" if who == "the attacker" else "200"
