"""A breached AI gateway: an intruder reads the provider keys that customers stored there, and all of them are told.

On the stage: an AWS account that ministack enforces, the intruder with a stolen access key and what it read, a fake
OpenAI, the gateway that fetches its key, a fake Braintrust in which most customers keep theirs, a mail server, a Slack
in which some have a channel, and thousands of simulated customers. Most replace their keys when they are told, some
read first, some need reminding, a few never do it.
"""

import asyncio
import contextlib
import copy
import datetime
import json
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
from botocore.exceptions import ClientError

from firedoor.campaign import Flow
from firedoor.config import Settings
from firedoor.drill.aws_people import now
from firedoor.drill.clientele import IN_AWS, READ, Client, Habit, clientele, habits, write_registry
from firedoor.drill.credentials_stage import CredentialsStage, User, bearer, called
from firedoor.drill.emulators import AwsKey
from firedoor.drill.fakes._fake import canary
from firedoor.drill.fakes.braintrust import FakeBraintrust
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.mail import MailServer
from firedoor.drill.reacting import Reactions
from firedoor.drill.result import Proof
from firedoor.drill.scenario import Reply
from firedoor.drill.shorter_days import shorter_days
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import BOT, FOREIGN_TEAM
from firedoor.drill.telephone import see_to_them, telephone
from firedoor.drill.told_once import customers_of, sent
from firedoor.engine import Engine
from firedoor.engine.clocks import decide_clock
from firedoor.errors import RefusedError, UsageError
from firedoor.incident import Decision, Responder
from firedoor.outbox.store import Outbox
from firedoor.plan import Plan
from firedoor.recipient import Recipient
from firedoor.steps.policy import policy_document
from firedoor.supervisor import Supervisor
from firedoor.words import DAY, plural

FINDING: Final = Path(__file__).parent / "guardduty_finding.json"
OWN, STORE, DEPLOY = "gateway/openai", "braintrust:ai_secret/", "deploy"
MAIL: Final = "FIREDOOR_SECRET_MAIL"
#: How many customers there are, unless somebody wants fewer.
CUSTOMERS: Final = 5_000
#: So many customers can be told, and answer, within a second: a simulated day lasts long enough for all of them.
A_SECOND, SHORTEST_DAY = 160, 2.5
#: Seconds between two looks at how far they are.
LOOK: Final = 4.0
#: Those who do what they are told, sooner or later.
WILLING: Final = frozenset({Habit.PROMPT, Habit.ACKNOWLEDGES, Habit.REMINDED})


class AiGatewayBreached(CredentialsStage):
    """The vendor's side."""

    name: ClassVar[str] = "ai-gateway-breached"
    title: ClassVar[str] = "The AI gateway's AWS account is entered, and its customers' keys are read"
    in_slack: ClassVar[bool] = True
    bulk_apart: ClassVar[bool] = True
    pace: ClassVar[float] = 1.0
    script: ClassVar[Mapping[str, Reply]] = {
        "evidence": Reply("answer", "drill", {"owner": "ada"}),
        "rotate_own": Reply("approve", "drill"),
        "own_rest": Reply("answer", "drill", {"owner": "ada"}),
        "notify": Reply("approve", "drill: the text and the list were read"),
        "notify_escalation": Reply("approve", "drill: it was announced in the notice"),
        "tell_disabled": Reply("approve", "drill"),
    }

    def __init__(self, customers: int = CUSTOMERS) -> None:
        super().__init__()
        if customers <= IN_AWS + len(Habit):
            raise UsageError(f"{customers} customers are too few for this drill.", next="It needs at least 40.")
        self.clients = clientele(customers, STORE)
        #: Seconds of a simulated day.
        self.day = max(SHORTEST_DAY, customers / A_SECOND)
        self.limit = 120.0 + 8 * self.day
        self.openai, self.braintrust = FakeOpenAI(), FakeBraintrust()
        self.fakes = [self.openai, self.braintrust]
        #: Ids of the stored secrets by their names, and the values that were there before.
        self.ids: dict[str, str] = {}
        self.planted: set[str] = set()

    def adapted(self, runbook: str) -> str:
        """Days are shorter, and the store was within reach."""
        text = shorter_days(runbook, self.day)
        return re.sub(r"(opened: \{type: list, default: )\[\]", rf'\1["{STORE}"]', text)

    def shortening(self) -> tuple[str, ...]:
        """What is shorter, by how much, and what is simulated."""
        return (
            f"In the campaigns a day takes {self.day:g} s: all their times are {DAY / self.day:,.0f} times as short.",
            "That the store was within reach is the runbook's default here; in an incident a person says so.",
            "A change counts as stable after 1 s of equal readings; the default is 10 s.",
            "OpenAI, Braintrust, Slack and the mail server are fakes on loopback that behave as their documents say.",
            f"Slack takes ten messages where it takes one; the {len(self.clients):,} customers are simulated.",
        )

    async def set_up(self, supervisor: Supervisor, settings: Settings, folder: Path, plan: Plan) -> None:
        """As for every drill of credentials; and a user whose access key is stolen, a mail server, a registry."""
        self.plan = plan
        self.supervisor = supervisor
        places = folder / "mail"
        places.mkdir()
        self.mail = MailServer(places)
        await asyncio.to_thread(self.mail.start)
        for client in self.clients:
            self.mail.faults.bounced.update(address.casefold() for address in client.bounced)
        await super().set_up(supervisor, settings, folder, plan)
        await asyncio.to_thread(self._intruder)
        self.registry = write_registry(self.clients, folder / "customers.json")

    def plant(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The gateway's own key, and those of the customers."""
        own = self.openai.plant("gateway")
        self.stolen = own.value
        secrets = {OWN: own.value}
        entry = {
            "provider": "openai",
            "kind": "service_account_key",
            "id": own.id,
            "scope": own.project,
            "name": own.name,
            "where": [f"aws-sm:{OWN}"],
            "consumers": ["gateway"],
        }
        # Whatever is stored now was stored before the breach.
        self.braintrust.begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=30)
        for client in self.clients:
            for name in client.secrets:
                self.ids[name] = self.braintrust.plant_credential("ai_secret", name).credential.id
            if client.in_aws:
                secrets[_place(client)] = canary("sk-")
        self.planted = self.braintrust.alive("ai_secret")
        self.member = self.braintrust.plant_credential("api_key", "customers").value
        self.braintrust.begin = datetime.datetime.now(datetime.UTC)
        return secrets, {"credentials": {"own": entry}, "consumers": {"gateway": {}}}

    def permissions(self) -> list[dict[str, Any]]:
        """What the runbook needs in AWS, as `firedoor steps --policy` says."""
        statements: list[dict[str, Any]] = policy_document(self.plan)["Statement"]
        return statements

    def enter(self, slack: LocalSlack) -> None:
        """Some customers have a channel that is shared with us; some of these are archived by now."""
        super().enter(slack)
        with slack.workspace.lock:
            for client in self.clients:
                if client.channel:
                    name = f"ext-{client.customer.id}"
                    channel = slack.workspace.add_channel(name, (BOT,), id=client.channel)
                    channel.shared_with.append(FOREIGN_TEAM)
                    channel.is_archived = client.gone

    def configuration(self) -> Mapping[str, Any]:
        """With the mail server, and what notices are made with."""
        mail = {
            **self.mail.settings(),
            "password": f"env:{MAIL}",
            "sender": "Gateway Security <security@gateway.example>",
        }
        return {
            **super().configuration(),
            "mail": {**mail, "domain_rate": 0, "connections": 10},
            "notices": {"company": "Gateway Inc.", "support": "security@gateway.example"},
            # Customers come from addresses of their own, as a reverse proxy in front of it says.
            "server": {"proxies": ["127.0.0.1"]},
        }

    def worker_environment(self) -> Mapping[str, str]:
        """With the password of the mail server."""
        return {**super().worker_environment(), MAIL: self.mail.password}

    async def settle(self, settings: Settings, tell: Callable[[str], None]) -> None:
        """Import the registry of customers, as its owner does."""
        await super().settle(settings, tell)
        environment = {"FIREDOOR_HOME": str(settings.home), "HOME": str(settings.home), "PATH": "/usr/bin:/bin"}
        importing = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "firedoor", "customers", "import", str(self.registry)),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await importing.communicate()
        if importing.returncode:
            raise UsageError(f"The registry of customers was not imported: {said.decode(errors='replace').strip()}")

    async def begin(self) -> None:
        """The intruder reads secrets, and uses what it read; customers are at their desks."""
        self.since = datetime.datetime.now(datetime.UTC)
        for place in (OWN, *(_place(client) for client in self.clients[:READ])):
            refused = await asyncio.to_thread(self._read, place)
            if refused:
                raise UsageError(f"The drill cannot begin: the intruder cannot read {place}: {refused}.")
        await super().begin()
        self.reactions = Reactions(self.clients, self.mail.mailbox, self.day, self._rotate)
        self.reactions.watch(self.slack)
        calls = telephone(self.settings, self.legal, self.tell, self.day / 2)
        self._working = [asyncio.create_task(work) for work in (self._watch(), calls)]

    def alert(self) -> tuple[str, bytes]:
        """GuardDuty's finding, as EventBridge delivers it: secrets are read as they never are."""
        finding = copy.deepcopy(json.loads(FINDING.read_bytes()))
        detail, service = finding["detail"], finding["detail"]["service"]
        finding["time"] = detail["createdAt"] = detail["updatedAt"] = service["eventLastSeen"] = now()
        began = getattr(self, "since", datetime.datetime.now(datetime.UTC))
        service["eventFirstSeen"] = began.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        detail |= {
            "type": "CredentialAccess:IAMUser/AnomalousBehavior",
            "title": f"The user {DEPLOY} reads secrets in an unusual way.",
            "severity": 5.0,
        }
        finding["id"], detail["id"] = str(uuid.uuid4()), uuid.uuid4().hex
        key = self.key.id if hasattr(self, "key") else ""
        detail["resource"]["accessKeyDetails"] |= {"accessKeyId": key, "userName": DEPLOY}
        return "guardduty", json.dumps(finding).encode()

    def users(self) -> Iterable[User]:
        """The intruder has the gateway's key; the gateway fetches it."""
        url = f"{self.openai.url}/v1/models"
        yield User("the intruder", partial(called, url, lambda: self.stolen), 401)
        yield User("the gateway", partial(called, url, partial(self.fetched, OWN)), 200)

    async def heard(self, step: str) -> bool:
        """Legal tells the authority once the customers are told; that has no other proof than its receipt."""
        if step != "notify":
            return False
        engine = await Engine.connect(self.settings)
        decision = Decision(responder=self.legal, clock="authority", reason="drill: receipt 4711")
        with contextlib.suppress(RefusedError, UsageError):
            await decide_clock(engine, f"{self.name}-{self.key.id}", "meet", decision)
        return True

    async def prove(self) -> Proof:
        """With what came of the customers."""
        proof = await super().prove()
        await self.reactions.stop()
        await self._rest()
        await see_to_them(self.settings, self.legal, self.tell)
        with Outbox.open(self.settings.outbox_path) as outbox:
            told = await asyncio.to_thread(sent, outbox, self.mail.mailbox, self.slack, self.clients)
            first = [one.id for one in told.campaigns if one.step == "notify"]
            everybody = [recipient for id in first for recipient in customers_of(outbox, id)]
        faults = [*told.doubts(), *self.mail.mailbox.faults(), *self.reactions.faults, *self._untold(everybody)]
        shown = faults[:10] + ([f"And {len(faults) - 10} more of these."] if len(faults) > 10 else [])
        facts = dict((*self._facts(everybody), *told.facts()))
        return proof.model_copy(update={"doubts": (*proof.doubts, *shown), "facts": facts})

    async def tear_down(self) -> None:
        """Stop the people, the fakes, the mail server."""
        if hasattr(self, "reactions"):
            await self._rest()
            await self.reactions.stop()
        await super().tear_down()
        if hasattr(self, "mail"):
            await asyncio.to_thread(self.mail.stop)

    def doubts(self) -> Iterable[str]:
        """The stolen access key must be refused; the store must hold nothing that was there before."""
        if left := len(self.braintrust.alive("ai_secret") & self.planted):
            yield f"The store still holds {plural(left, 'secrets')} that were within reach."
        for place in (OWN, *(_place(client) for client in self.clients[:READ])):
            if not self._read(place):
                yield f"The intruder can still read {place}."

    def said(self) -> str:
        """What was proved."""
        return (
            "AWS refuses the stolen access key, OpenAI refuses the old key of the gateway, which works with a new one, "
            "and of what customers had stored nothing is left in the store that the intruder could have read."
        )

    @property
    def legal(self) -> Responder:
        """Who sees to clocks, and to customers whom nothing reaches."""
        return Responder(principal=self.responder, auth="drill", roles=("legal", "security"))

    async def _rest(self) -> None:
        """Nobody watches or telephones any more."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    # --- what is seen of the customers ---

    async def _watch(self) -> None:
        """Say every few seconds how far they are."""
        said = ""
        while True:
            await asyncio.sleep(LOOK)
            if self.settings.outbox_path.exists():
                day, now = await asyncio.to_thread(self._standing)
                if now and now != said:
                    self.tell(f"Day {day:.1f} of {now}")
                said = now

    def _standing(self) -> tuple[float, str]:
        with Outbox.open(self.settings.outbox_path) as outbox:
            running = [one for one in outbox.campaigns() if one.began and one.flow is Flow.RUNNING]
            if not running:
                return 0.0, ""
            one = outbox.standing(running[0].id, time.time())
        day = (time.time() - running[0].began) / self.day
        return day, (
            f"{running[0].step}: {one.written:,} of {one.customers:,} customers written to, "
            f"{one.reached:,} reached, {one.acknowledged:,} acknowledged, {one.remediated:,} rotated."
        )

    def _untold(self, everybody: Iterable[Recipient]) -> Iterator[str]:
        """Customers that were not told although they could be, or are said to have done what they have not."""
        found = {one.customer: one for one in everybody}
        for client in self.clients:
            one = found.get(client.customer.id)
            reachable = client.habit not in {Habit.NOBODY, Habit.DEAF}
            if one is None:
                yield f"{client.customer.id} is not in the campaign."
            elif reachable and not one.reached:
                yield f"{client.customer.id} was not told."
            elif not reachable and not one.by_hand:
                yield f"{client.customer.id} cannot be reached, and nobody has seen to it."
            elif one.remediated and client.customer.id not in self.reactions.replaced:
                yield f"{client.customer.id} is said to have replaced its keys, and has not."

    def _facts(self, everybody: Iterable[Recipient]) -> Iterator[tuple[str, str]]:
        found, count, kinds = list(everybody), len(self.clients), habits(self.clients)
        reached, acknowledged = sum(bool(one.reached) for one in found), sum(bool(one.acknowledged) for one in found)
        willing, seen = sum(kinds[habit] for habit in WILLING), sum(bool(one.remediated) for one in found)
        yield (
            "customers",
            f"{len(found):,} of {count:,} in the campaign, {reached:,} reached, {acknowledged:,} acknowledged",
        )
        yield (
            "rotated",
            f"{seen:,} before the escalation; {len(self.reactions.replaced):,} in all, {willing:,} meant to",
        )
        yield "telephoned", f"{sum(bool(one.by_hand) for one in found):,} whom nothing else reached"
        yield "disabled", f"{len(self.ids.keys() - self._names()):,} of {len(self.ids):,} stored secrets"

    def _names(self) -> set[str]:
        return {str(one["name"]) for one in self.braintrust.objects["ai_secret"].values()}

    # --- what people do ---

    async def _rotate(self, client: Client, http: httpx.AsyncClient) -> None:
        """Put new values in the place of a customer's old ones, as its own people do; anew where they are disabled."""
        if client.in_aws:
            manager = self.aws.client("secretsmanager")
            change = partial(manager.put_secret_value, SecretId=_place(client), SecretString=canary("sk-"))
            await asyncio.to_thread(change)
            return
        for name in client.secrets:
            url = f"{self.braintrust.url}/v1/ai_secret/{self.ids[name]}"
            new = {"secret": canary("sk-")}
            answer = await http.patch(url, json=new, headers=bearer(self.member))
            if answer.is_error:
                store = f"{self.braintrust.url}/v1/ai_secret"
                answer = await http.put(store, json={"name": name, **new}, headers=bearer(self.member))
            answer.raise_for_status()

    def _intruder(self) -> None:
        iam = self.aws.client("iam")
        iam.create_user(UserName=DEPLOY)
        allowed = '{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}'
        document = f'{{"Version": "2012-10-17", "Statement": [{allowed}]}}'
        iam.put_user_policy(UserName=DEPLOY, PolicyName="work", PolicyDocument=document)
        made = iam.create_access_key(UserName=DEPLOY)["AccessKey"]
        self.key = AwsKey(made["AccessKeyId"], made["SecretAccessKey"])

    def _read(self, place: str) -> str:
        """AWS's word for why the intruder cannot read a secret; empty if it can."""
        try:
            self.aws.client("secretsmanager", self.key).get_secret_value(SecretId=place)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""


def _place(client: Client) -> str:
    """The name in AWS of the secret that a customer keeps there."""
    return f"customers/{client.customer.id}"
