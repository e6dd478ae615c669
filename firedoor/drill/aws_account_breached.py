"""A breached AWS account: an intruder with a stolen key has made itself a user with a key of its own.

On the stage: an account that ministack enforces, both of the intruder's keys, secrets that it read, a fake OpenAI whose
key is among them, and the gateway that fetches its key.
"""

import asyncio
import datetime
import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from firedoor.config import Settings
from firedoor.drill.credentials_stage import CredentialsStage, User, called
from firedoor.drill.emulators import AwsKey
from firedoor.drill.fakes._fake import canary
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.scenario import Reply
from firedoor.plan import Plan
from firedoor.steps.policy import policy_document
from firedoor.supervisor import Supervisor

OWN, OTHER = "gateway/openai", "database"
ACCOUNT = "000000000000"
STOLEN, BACKDOOR = "deploy", "deploy-2"


class AwsAccountBreached(CredentialsStage):
    """More than one principal in the intruder's hands."""

    name: ClassVar[str] = "aws-account-breached"
    title: ClassVar[str] = "An AWS account is entered, and a backdoor is made in it"
    script: ClassVar[Mapping[str, Reply]] = {
        "evidence": Reply("answer", "drill", {"owner": "ada"}),
        "deny_roles": Reply("approve", "drill"),
        "review": Reply("answer", "drill", {"reviewed": True, "note": "the backdoor"}),
        "rotate": Reply("approve", "drill"),
        "replace_rest": Reply("answer", "drill", {"owner": "ada"}),
        "cloudtrail_catches_up": Reply("skip", "drill: the emulator's CloudTrail is not late"),
        "reopen": Reply("answer", "drill", {"owner": "ada"}),
    }
    shortened: ClassVar[tuple[str, ...]] = (
        "A change counts as stable after 1 s of equal readings; the default is 10 s.",
        "No policy of an organization is put: no emulator enforces one. Its step is tested by itself.",
        "The wait for a late CloudTrail is skipped.",
        "OpenAI is a fake on loopback that behaves as its API document says.",
    )

    def __init__(self) -> None:
        super().__init__()
        self.openai = FakeOpenAI()
        self.fakes = [self.openai]
        self.keys: dict[str, AwsKey] = {}

    async def set_up(self, supervisor: Supervisor, settings: Settings, folder: Path, plan: Plan) -> None:
        """As for every drill of credentials, and the intruder."""
        self.plan = plan
        await super().set_up(supervisor, settings, folder, plan)
        await asyncio.to_thread(self._intruder)

    def plant(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The gateway's key at OpenAI."""
        key = self.openai.plant("gateway")
        self.stolen = key.value
        entry = {
            "provider": "openai",
            "kind": "service_account_key",
            "id": key.id,
            "scope": key.project,
            "name": key.name,
            "where": [f"aws-sm:{OWN}"],
            "consumers": ["gateway"],
        }
        # What the inventory does not know is asked about.
        return {OWN: key.value, OTHER: canary("pw-")}, {"credentials": {"gateway": entry}, "consumers": {"gateway": {}}}

    def permissions(self) -> list[dict[str, Any]]:
        """What the runbook needs in AWS, as `firedoor steps --policy` says."""
        statements: list[dict[str, Any]] = policy_document(self.plan)["Statement"]
        return statements

    def inputs(self) -> Mapping[str, str]:
        """What the person types who saw it."""
        since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2)
        return {"account": ACCOUNT, "since": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "from_outside": "false"}

    def users(self) -> Iterable[User]:
        """The intruder has the gateway's key; the gateway fetches it."""
        url = f"{self.openai.url}/v1/models"
        yield User("the intruder", partial(called, url, lambda: self.stolen), 401)
        yield User("the gateway", partial(called, url, partial(self.fetched, OWN)), 200)

    def doubts(self) -> Iterable[str]:
        """None of the intruder's keys may work."""
        for user, key in self.keys.items():
            try:
                self.aws.client("secretsmanager", key).get_secret_value(SecretId=OWN)
            except ClientError:
                continue
            yield f"The intruder can still read {OWN} with the key of {user}."
        found = self.aws.client("iam").list_service_specific_credentials(UserName=BACKDOOR)
        if any(one["Status"] == "Active" for one in found["ServiceSpecificCredentials"]):
            yield f"The Bedrock key of {BACKDOOR} is active."

    def said(self) -> str:
        """What was proved."""
        return (
            "AWS refuses the stolen key and that of the user whom the intruder made, whose Bedrock key is inactive; "
            "OpenAI refuses the key that was read, and the gateway works with a new one."
        )

    def _intruder(self) -> None:
        """A stolen key, with which the intruder makes a user with a key of its own, and reads the secret."""
        self.keys[STOLEN] = self._user(self.aws.client("iam"), STOLEN)
        iam = self.aws.client("iam", self.keys[STOLEN])
        self.keys[BACKDOOR] = self._user(iam, BACKDOOR)
        iam.create_service_specific_credential(UserName=BACKDOOR, ServiceName="bedrock.amazonaws.com")
        for key in self.keys.values():
            self.aws.client("secretsmanager", key).get_secret_value(SecretId=OWN)

    def _user(self, iam: Any, name: str) -> AwsKey:
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": ["secretsmanager:*", "iam:*"], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=document)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return AwsKey(made["AccessKeyId"], made["SecretAccessKey"])
