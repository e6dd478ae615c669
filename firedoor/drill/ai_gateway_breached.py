"""A breached AI gateway: an intruder reads the provider keys that customers stored in its AWS account.

On the stage: an AWS account that ministack enforces, the intruder with a stolen access key and the keys that it read, a
fake OpenAI, the gateway that fetches its key, and a fake Braintrust as the store in which customers change theirs. Of
two customers one replaces its key when it is told, the other does nothing.
"""

import asyncio
import datetime
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import httpx
from botocore.exceptions import ClientError

from firedoor.config import Settings
from firedoor.drill.credentials_stage import CredentialsStage, User, bearer, called
from firedoor.drill.emulators import NO_TLS, AwsKey
from firedoor.drill.fakes.braintrust import FakeBraintrust
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.scenario import Reply
from firedoor.errors import UsageError
from firedoor.plan import Plan
from firedoor.steps.policy import policy_document
from firedoor.supervisor import Supervisor

OWN, CUSTOMERS = "gateway/openai", ("customers/acme", "customers/globex")


class AiGatewayBreached(CredentialsStage):
    """The vendor's side."""

    name: ClassVar[str] = "ai-gateway-breached"
    title: ClassVar[str] = "The AI gateway's AWS account is entered, and its customers' keys are read"
    script: ClassVar[Mapping[str, Reply]] = {
        "evidence": Reply("answer", "drill", {"owner": "ada"}),
        "rotate_own": Reply("approve", "drill"),
        "own_rest": Reply("answer", "drill", {"owner": "ada"}),
        "tell": Reply("answer", "drill", {"sent": True, "campaign": "INC-1"}),
        "remaining": Reply("skip", "drill: nobody waits for three days; globex has not replaced its key"),
        "disable": Reply("approve", "drill: it was announced"),
    }
    shortened: ClassVar[tuple[str, ...]] = (
        "A change counts as stable after 1 s of equal readings; the default is 10 s.",
        "OpenAI and Braintrust are fakes on loopback that behave as their API documents say.",
        "Telling the customers is a question here; the campaign is another program's.",
        "The three days for which customers are followed are skipped after the first reading.",
    )

    def __init__(self) -> None:
        super().__init__()
        self.openai, self.braintrust = FakeOpenAI(), FakeBraintrust()
        self.fakes = [self.openai, self.braintrust]

    async def set_up(self, supervisor: Supervisor, settings: Settings, folder: Path, plan: Plan) -> None:
        """As for every drill of credentials, and a user whose access key is stolen."""
        self.plan = plan
        await super().set_up(supervisor, settings, folder, plan)
        await asyncio.to_thread(self._intruder)

    def plant(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The gateway's own key, and those of two customers."""
        own = self.openai.plant("gateway")
        self.stored: dict[str, str] = {}
        self.stolen = own.value
        secrets, entries = {OWN: own.value}, dict[str, Any]()
        entries["own"] = {
            "provider": "openai",
            "kind": "service_account_key",
            "id": own.id,
            "scope": own.project,
            "name": own.name,
            "where": [f"aws-sm:{OWN}"],
            "consumers": ["gateway"],
        }
        for place in CUSTOMERS:
            who = place.partition("/")[2]
            secrets[place] = self.openai.plant(who, user=who).value
            where = [f"aws-sm:{place}", f"braintrust:ai_secret/{who.upper()}"]
            entries[who] = {"provider": "openai", "where": where, "customers": [who]}
            self.stored[who] = self.braintrust.plant_credential("ai_secret", who.upper()).credential.id
        self.braintrust.begin = datetime.datetime.now(datetime.UTC)
        customers = {place.partition("/")[2]: {"contact": f"{place}@example.com"} for place in CUSTOMERS}
        return secrets, {"credentials": entries, "consumers": {"gateway": {}}, "customers": customers}

    def permissions(self) -> list[dict[str, Any]]:
        """What the runbook needs in AWS, as `firedoor steps --policy` says."""
        statements: list[dict[str, Any]] = policy_document(self.plan)["Statement"]
        return statements

    async def begin(self) -> None:
        """The intruder reads the secrets, and uses what it read."""
        for place in (OWN, *CUSTOMERS):
            refused = await asyncio.to_thread(self._read, place)
            if refused:
                raise UsageError(f"The drill cannot begin: the intruder cannot read {place}: {refused}.")
        await super().begin()

    def inputs(self) -> Mapping[str, str]:
        """What the person types who saw it."""
        since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2)
        return {
            "access_key_id": self.key.id,
            "since": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "store": self.braintrust.name,
        }

    def users(self) -> Iterable[User]:
        """The intruder has the gateway's key; the gateway fetches it."""
        url = f"{self.openai.url}/v1/models"
        yield User("the intruder", partial(called, url, lambda: self.stolen), 401)
        yield User("the gateway", partial(called, url, partial(self.fetched, OWN)), 200)

    async def heard(self, step: str) -> bool:
        """Acme reads its mail."""
        if step != "tell":
            return False
        self.new = self.openai.plant("acme", user="acme").value
        url = f"{self.braintrust.url}/v1/ai_secret/{self.stored['acme']}"
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as client:
            answer = await client.patch(url, json={"secret": self.new}, headers=bearer(self.braintrust.owner))
        return answer.is_success

    def doubts(self) -> Iterable[str]:
        """The stolen access key must be refused; the store must hold what acme put there, and nothing else."""
        if self.braintrust.alive("ai_secret") != {self.new}:
            yield "The store does not hold acme's new key alone."
        for place in (OWN, *CUSTOMERS):
            if not self._read(place):
                yield f"The intruder can still read {place}."

    def said(self) -> str:
        """What was proved."""
        return (
            "AWS refuses the stolen access key, OpenAI refuses the gateway's old key, the gateway works with a new "
            "one, the two customers whose keys were read are known by name, and the key that one of them did not "
            "replace is no longer in the store."
        )

    def _intruder(self) -> None:
        iam = self.aws.client("iam")
        iam.create_user(UserName="deploy")
        allowed = '{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}'
        document = f'{{"Version": "2012-10-17", "Statement": [{allowed}]}}'
        iam.put_user_policy(UserName="deploy", PolicyName="work", PolicyDocument=document)
        made = iam.create_access_key(UserName="deploy")["AccessKey"]
        self.key = AwsKey(made["AccessKeyId"], made["SecretAccessKey"])

    def _read(self, place: str) -> str:
        """AWS's word for why the intruder cannot read a secret; empty if it can."""
        try:
            self.aws.client("secretsmanager", self.key).get_secret_value(SecretId=place)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""
