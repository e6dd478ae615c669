"""The main scenario: the access key of an AI gateway's deploy user leaks, and somebody uses it.

On the stage, in an AWS account that ministack emulates and enforces: a user `gateway-deploy` whose key can read the AI
provider keys of the gateway's customers; an attacker with that key, with sessions made from it, and with a user that it
made; production, which assumes the same role with a key of its own and must go on; a fake OpenAI, one of whose keys is
among those that were read; a responder with the least-privilege policy that firedoor prints for the runbook, with what
the sink of that one key needs, and nothing more.
"""

import asyncio
import copy
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from firedoor.config import LIMITS, Settings
from firedoor.drill.aws_people import PACE, REFUSALS, Attacker, Person, Workload, now
from firedoor.drill.emulators import NO_TLS, REGION, Aws, AwsKey, start_aws
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.result import Attempt, Proof
from firedoor.drill.scenario import Reply, Scenario
from firedoor.errors import UsageError
from firedoor.plan import Plan
from firedoor.sinks import STORES
from firedoor.steps.policy import policy_document
from firedoor.supervisor import Supervisor

FINDING = Path(__file__).parent / "guardduty_finding.json"

ROLE = "gateway-runtime"
DEPLOY = "gateway-deploy"
PRODUCTION = "gateway-production"
RESPONDER = "firedoor-responder"
PROVIDERS = ("openai", "anthropic", "braintrust")
CUSTOMER = "gateway/customers/openai"
ADMIN = "FIREDOOR_SECRET_OPENAI_ADMIN"

#: The attacker's next calls after the end, as rounds of everything it has.
PROBE_ROUNDS = 3

#: The attack must be seen to work within this many seconds, or the emulator proves nothing.
BEGIN_SECONDS = 20.0

#: Production must work again within this many seconds after the end.
RECOVERY_SECONDS = 10.0


class AwsAccessKeyLeaked(Scenario):
    """A leaked access key with live sessions."""

    name: ClassVar[str] = "aws-access-key-leaked"
    title: ClassVar[str] = "A leaked AWS access key is used to read AI provider keys"
    script: ClassVar[Mapping[str, Reply]] = {
        "cloudtrail_catches_up": Reply("skip", "drill: the emulator's CloudTrail is not late"),
        "rotate": Reply("approve", "drill"),
        "replace_rest": Reply("answer", answers={"owner": "ada (drill)"}),
        "review_changes": Reply("answer", answers={"reviewed": True}),
        "production": Reply("answer", "drill: the workload reads its secrets again", {"healthy": True}),
        "delete_login_profile": Reply("approve", "drill"),
        "delete_key": Reply("approve", "drill: production does not use it"),
        "hold": Reply("skip", "drill: nobody waits 36 hours; the denies stay in place", after="delete_key"),
    }
    shortened: ClassVar[tuple[str, ...]] = (
        "A change counts as stable after 1 s of equal readings; the default for a real account is 10 s.",
        "The wait for a late CloudTrail is skipped: the emulator's is not late.",
        "What the emulator records and lists is corrected to what AWS would say; what it refuses is its own answer.",
        "The 36 h for which the user stays denied are skipped, and so is lifting the denies: sessions could live on.",
        "The inventory knows one of three stolen provider keys: a fake OpenAI replaces it; the others are asked about.",
    )

    def __init__(self, *, spare_key: bool = False) -> None:
        """`spare_key` plants what the runbook cannot know of: a key of the attacker on another user. For tests."""
        self.spare_key = spare_key
        #: The values of the planted secrets: fakes, searched for after a drill.
        self.canaries = {provider: f"sk-canary-{provider}-{uuid.uuid4().hex}" for provider in PROVIDERS}
        self.openai = FakeOpenAI()

    async def set_up(self, supervisor: Supervisor, settings: Settings, folder: Path, plan: Plan) -> None:
        """Start the fake and the emulator, and plant the account."""
        self.openai.start()
        self.stolen = self.openai.plant("gateway")
        self.canaries["openai"] = self.stolen.value
        self._inventory = folder / "inventory.yaml"
        self._inventory.write_text(json.dumps(self._known()))
        self.aws: Aws = await start_aws(supervisor, settings.emulator, folder / "emulator")
        await asyncio.to_thread(self._plant, plan)

    def configuration(self) -> Mapping[str, Any]:
        """Where the emulator is, who holds the role, and less patience than AWS needs."""
        return {
            "aws": {"endpoint_url": self.aws.url, "region": REGION, "settle_seconds": 1.0},
            "inventory": str(self._inventory),
            "roles": {"security": [self.responder]},
            "providers.openai": {"base_url": self.openai.url, "admin_key": f"env:{ADMIN}"},
            # The emulator throttles nobody, and nobody else lives off its limits.
            **{f'limits."{provider}"': {"rate": 1000, "burst": 1000} for provider in (*LIMITS, "openai")},
        }

    def worker_environment(self) -> Mapping[str, str]:
        """The responder's key, and the admin key of the organization at OpenAI."""
        return {
            "AWS_ACCESS_KEY_ID": self.responder_key.id,
            "AWS_SECRET_ACCESS_KEY": self.responder_key.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            ADMIN: self.openai.admin,
        }

    async def begin(self) -> None:
        """The attacker makes sessions and uses everything; production works."""
        await asyncio.to_thread(self.attacker.arm, "the leaked key")
        self.attacker.start()
        self.workload.start()
        deadline = asyncio.get_running_loop().time() + BEGIN_SECONDS
        while doubts := [*self._never_worked(self.attacker), *self._never_worked(self.workload)]:
            if asyncio.get_running_loop().time() > deadline:
                raise UsageError(
                    "The drill cannot begin: the planted attack does not work, so its end would prove nothing. "
                    + " ".join(doubts),
                    changed="Only the emulator was touched.",
                    next="Look into the emulator's log; it must be the pinned version of ministack.",
                )
            await asyncio.sleep(0.05)

    def alert(self) -> tuple[str, bytes]:
        """GuardDuty's finding, as EventBridge delivers it."""
        finding = copy.deepcopy(json.loads(FINDING.read_bytes()))
        detail = finding["detail"]
        finding["time"] = detail["createdAt"] = detail["updatedAt"] = now()
        detail["service"]["eventFirstSeen"] = detail["service"]["eventLastSeen"] = now()
        finding["id"], detail["id"] = str(uuid.uuid4()), uuid.uuid4().hex
        detail["resource"]["accessKeyDetails"] |= {
            "accessKeyId": self.leaked_key.id,
            "principalId": self.deploy_user["UserId"],
            "userName": DEPLOY,
        }
        return "guardduty", json.dumps(finding).encode()

    async def prove(self) -> Proof:
        """The attacker's next calls, each credential on each call, must be refused; production's must work."""
        return await asyncio.to_thread(self._prove)

    async def tear_down(self) -> None:
        """Stop the attacker, production, and the fake."""
        await asyncio.to_thread(self.openai.stop)
        for person in (getattr(self, "attacker", None), getattr(self, "workload", None)):
            if person:
                await asyncio.to_thread(person.stop)

    # --- planting -----------------------------------------------------------------------------------------------------

    def _plant(self, plan: Plan) -> None:
        iam, secrets = self.aws.client("iam"), self.aws.client("secretsmanager")
        for provider, canary in self.canaries.items():
            secrets.create_secret(Name=f"gateway/customers/{provider}", SecretString=canary)
        self.deploy_user = iam.create_user(UserName=DEPLOY)["User"]
        production = iam.create_user(UserName=PRODUCTION)["User"]
        both = {"AWS": [self.deploy_user["Arn"], production["Arn"]]}
        trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": both}
        role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy(trusted))["Role"]
        read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
        assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role["Arn"]}
        users = ["iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey"]
        own = {"Effect": "Allow", "Action": users, "Resource": "arn:aws:iam::*:user/*"}
        iam.put_role_policy(RoleName=ROLE, PolicyName="secrets", PolicyDocument=_policy(read))
        iam.put_user_policy(UserName=DEPLOY, PolicyName="deploy", PolicyDocument=_policy(read, assume, own))
        iam.put_user_policy(UserName=PRODUCTION, PolicyName="run", PolicyDocument=_policy(assume))
        iam.create_login_profile(UserName=DEPLOY, Password=f"Canary-{uuid.uuid4().hex}")
        iam.create_service_specific_credential(UserName=DEPLOY, ServiceName="bedrock.amazonaws.com")
        self.leaked_key = self._key(DEPLOY)
        self.responder_key = self._responder(iam, plan)
        stolen = {"the leaked key": self.leaked_key}
        if self.spare_key:
            iam.create_user(UserName="gateway-backup")
            iam.put_user_policy(UserName="gateway-backup", PolicyName="backup", PolicyDocument=_policy(read, assume))
            stolen["a key of another user"] = self._key("gateway-backup")
        secret = f"gateway/customers/{PROVIDERS[0]}"
        self.attacker = Attacker(self.aws, stolen, role_arn=role["Arn"], secret=secret)
        self.workload = Workload(self.aws, self._key(PRODUCTION), role_arn=role["Arn"], secret=secret)

    def _known(self) -> dict[str, Any]:
        """The inventory: one of the three secrets, who uses it, and who depends on that."""
        entry = {
            "provider": "openai",
            "kind": "service_account_key",
            "id": self.stolen.id,
            "scope": self.stolen.project,
            "name": self.stolen.name,
            "where": [f"aws-sm:{CUSTOMER}"],
            "consumers": ["gateway"],
        }
        consumers = {"gateway": {"customers": ["acme"]}}
        return {"credentials": {"gateway": entry}, "consumers": consumers, "customers": {"acme": {}}}

    def _key(self, user: str) -> AwsKey:
        made = self.aws.client("iam").create_access_key(UserName=user)["AccessKey"]
        return AwsKey(made["AccessKeyId"], made["SecretAccessKey"])

    def _responder(self, iam: Any, plan: Plan) -> AwsKey:
        """A user with the policy that `firedoor steps --policy` prints, and what the sink needs for its one secret."""
        printed = policy_document(plan)
        secret = f"arn:aws:secretsmanager:*:*:secret:{CUSTOMER}-*"
        sink = {"Effect": "Allow", "Action": list(STORES["aws-sm"].permissions), "Resource": secret}
        document = json.dumps({**printed, "Statement": [*printed["Statement"], sink]})
        iam.create_user(UserName=RESPONDER)
        policy = iam.create_policy(PolicyName=RESPONDER, PolicyDocument=document)["Policy"]
        iam.attach_user_policy(UserName=RESPONDER, PolicyArn=policy["Arn"])
        return self._key(RESPONDER)

    # --- proving ------------------------------------------------------------------------------------------------------

    def _prove(self) -> Proof:
        self.attacker.stop()
        doubts = self._never_worked(self.attacker)
        began = len(self.attacker.attempts)
        for _ in range(PROBE_ROUNDS):
            self.attacker.round()
        probes = self.attacker.attempts[began:]
        for attempt in probes:
            if attempt.answer not in REFUSALS:
                how = "worked" if attempt.answer == "ok" else f"was answered {attempt.answer}, which proves nothing"
                doubts.append(f"{attempt.call} with {attempt.who} {how} at {attempt.at}.")
        recovered = self._production_probes()
        doubts += self._provider_doubts()
        doubts += [] if recovered else [f"Production could not read its secret again within {RECOVERY_SECONDS:g} s."]
        earlier = self.attacker.attempts
        worked = [attempt.at for attempt in earlier if attempt.answer == "ok"]
        refused = [attempt.at for attempt in earlier if attempt.answer in REFUSALS]
        return Proof(
            doubts=tuple(dict.fromkeys(doubts)),
            probes=(*probes, *recovered),
            calls=self.attacker.counts() | self.workload.counts(),
            attacker_last_success=max(worked, default=""),
            attacker_first_refusal=min(refused, default=""),
            workload_interrupted=self.workload.interrupted(),
            sentence=self._sentence(probes),
        )

    def _production_probes(self) -> list[Attempt]:
        """The first call of production after the end that worked; empty if none did in time."""
        self.workload.stop()
        for _ in range(int(RECOVERY_SECONDS / PACE)):
            self.workload.round()
            last = self.workload.attempts[-1]
            if last.answer == "ok":
                return [last]
            self.workload.pause()
        return []

    def _sentence(self, probes: list[Attempt]) -> str:
        codes = ", ".join(sorted({probe.answer for probe in probes}))
        others = len(self.attacker.credentials) - 1
        return (
            f"After the end, {len(probes)} calls with the leaked key {self.leaked_key.id} and {others} credentials "
            f"made from it were answered {codes} by the emulator; each of these credentials had worked before. "
            "OpenAI refuses the key that was read, and its secret holds a new one that works. "
            f"Production reads its secrets; it was interrupted for {self.workload.interrupted():.1f} s."
        )

    def _provider_doubts(self) -> list[str]:
        """What OpenAI says of the key that was read, and of the one that its secret holds now."""
        try:
            answer = self.aws.client("secretsmanager").get_secret_value(SecretId=CUSTOMER)
        except (BotoCoreError, ClientError) as error:
            return [f"What {CUSTOMER} holds now cannot be read ({type(error).__name__})."]
        wanted = {"the stolen key": (self.stolen.value, 401), "the new one": (str(answer["SecretString"]), 200)}
        return [
            f"OpenAI answers {status} to {which}, not {right}."
            for which, (value, right) in wanted.items()
            if (status := self._asked(value)) != right
        ]

    def _asked(self, value: str) -> int:
        with httpx.Client(trust_env=False, verify=NO_TLS) as client:
            return client.get(f"{self.openai.url}/v1/models", headers={"Authorization": f"Bearer {value}"}).status_code

    @staticmethod
    def _never_worked(person: Person) -> list[str]:
        """Credentials with which nothing ever worked: that they are refused now proves nothing."""
        counts = person.counts()
        return [f"{who} never worked: {answers}." for who, answers in counts.items() if "ok" not in answers] or (
            [] if counts else ["Nobody made a call."]
        )


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
