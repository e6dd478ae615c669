"""What was done with an access key, and with every session that descends from it."""

import datetime
import json
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from activities._action import Context, performs
from activities.aws.accounts import Accounts, Answer
from activities.aws.errors import AwsError
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome
from firedoor.inventory.model import bare
from firedoor.steps.aws_cloudtrail import AccessKeyActivity, Change, ChildSession, EventCount, KeyActivity
from firedoor.words import plural

PAGE = 50
#: Of each kind of finding; more would not fit into what a workflow may hold.
MAX_LISTED = 500
#: Of the places of secrets: whose customers are told depends on them.
MAX_PLACES = 20_000
#: Beginnings of what makes or changes something that outlives the key. From AWS's playbooks (IRP-CredCompromise 2.x).
CHANGES = (
    "Create", "Attach", "Put", "Update", "Add", "Delete", "Detach", "Remove", "Run", "Stop", "Disable", "Enable",
    "Deactivate", "Schedule", "Modify", "Authorize", "Register", "Import", "Upload", "Invite", "Leave", "Share", "Set",
)  # fmt: skip
#: Reads of secrets: the parameter that names what was read, and the scheme by which the inventory names it.
SECRET_READS = {
    "GetSecretValue": ("secretId", "aws-sm"),
    "BatchGetSecretValue": ("secretIdList", "aws-sm"),
    "GetParameter": ("name", "aws-ssm"),
    "GetParameters": ("names", "aws-ssm"),
}


@dataclass(slots=True)
class Key:
    """A credential to read the calls of, and the account that it acts in."""

    access_key_id: str
    account: str


@dataclass(slots=True)
class Findings:
    """What has been found so far."""

    events: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    regions: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    user_agents: set[str] = field(default_factory=set)
    times: list[str] = field(default_factory=list)
    sessions: dict[str, ChildSession] = field(default_factory=dict)
    roles: set[str] = field(default_factory=set)
    created: list[Change] = field(default_factory=list)
    secrets_read: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def add(self, event: dict[str, Any], by: Key) -> Key | None:
        """Count one event; the credential that it issued, if it did."""
        if event["eventID"] in self.seen:
            return None
        self.seen.add(event["eventID"])
        name = f"{event['eventSource'].partition('.')[0]}:{event['eventName']}"
        self.events[name] += 1
        self.regions.add(event["awsRegion"])
        self.addresses.add(event.get("sourceIPAddress", ""))
        self.user_agents.add(event.get("userAgent", ""))
        self.times.append(event["eventTime"])
        if event.get("errorCode"):
            self.refused[name] += 1
            return None
        self._effects(event, name, by)
        return self._child(event, by)

    def _effects(self, event: dict[str, Any], name: str, by: Key) -> None:
        parameters = event.get("requestParameters") or {}
        if event["eventName"] in SECRET_READS:
            parameter, scheme = SECRET_READS[event["eventName"]]
            wanted = parameters.get(parameter) or ()
            names = {wanted} if isinstance(wanted, str) else set(map(str, wanted))
            self.secrets_read |= names
            self.places |= {bare(f"{scheme}:{name}") for name in names}
        elif event["eventName"].startswith(CHANGES) and not event.get("readOnly", False):
            self.created.append(
                Change(event=name, resource=_resource(event), at=event["eventTime"], by=by.access_key_id)
            )

    def _child(self, event: dict[str, Any], by: Key) -> Key | None:
        answer = event.get("responseElements") or {}
        child = (answer.get("credentials") or {}).get("accessKeyId")
        if not child or child in self.sessions:
            return None
        issued_to = _issued_to(answer, event)
        account = issued_to.split(":")[4] if issued_to.count(":") >= 5 else by.account
        role = (event.get("requestParameters") or {}).get("roleArn")
        if role:
            self.roles.add(role)
        self.sessions[child] = ChildSession(
            access_key_id=child,
            issued_to=issued_to,
            issued_at=event["eventTime"],
            issued_by=by.access_key_id,
            account=account or by.account,
            followed=False,
        )
        return Key(child, account or by.account)


@dataclass(slots=True)
class Search:
    """A bounded search: regions to ask, since when, requests left."""

    accounts: Accounts
    regions: tuple[str, ...]
    since: datetime.datetime
    pages_left: int
    last: Answer | None = None

    def events(self, key: Key) -> Iterator[dict[str, Any]]:
        """Every event that `key` made, region by region, newest first, while requests are left."""
        for region in self.regions:
            trail = self.accounts.service("cloudtrail", key.account, region)
            following: dict[str, str] = {}
            while self.pages_left > 0:
                self.pages_left -= 1
                self.last = trail(
                    "LookupEvents",
                    LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": key.access_key_id}],
                    StartTime=self.since,
                    MaxResults=PAGE,
                    **following,
                )
                yield from (json.loads(event["CloudTrailEvent"]) for event in self.last["Events"])
                if not self.last.get("NextToken"):
                    break
                following = {"NextToken": self.last["NextToken"]}


@performs(AccessKeyActivity)
def access_key_activity(step: AccessKeyActivity, context: Context) -> Outcome:
    """cloudtrail:LookupEvents by AccessKeyId, for the key and then for each credential that its calls issued."""
    account = step.account or context.aws.owner(step.access_key_id)
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=step.hours)
    search = Search(context.aws, step.regions or context.aws.cloudtrail_regions, since, step.max_pages)
    context.aws.service("cloudtrail", account)  # another account without a role is refused before anything else
    findings, complete = _follow(search, Key(step.access_key_id, account), step.max_sessions)
    found = _activity(step.access_key_id, account, search, findings, complete=complete)
    evidence = Evidence(source="cloudtrail:LookupEvents", says=f"{found.calls} events")
    return Outcome(
        summary=_summary(found, step.hours),
        result=found.model_dump(mode="json"),
        evidence=(search.last.evidence(f"{found.calls} events") if search.last else evidence,),
    )


def _follow(search: Search, root: Key, max_sessions: int) -> tuple[Findings, bool]:
    """Breadth first, so that a limit cuts off the youngest generation."""
    findings, queue, followed = Findings(), deque([root]), 0
    complete = True
    while queue:
        key = queue.popleft()
        if key is not root:
            if followed >= max_sessions:
                complete = False
                break
            followed += 1
        try:
            for event in search.events(key):
                child = findings.add(event, key)
                if child:
                    queue.append(child)
        except StepError as error:
            # A session in an account that firedoor has no role in, or may not look into: say so, and go on.
            if key is root or not _closed(error):
                raise
            complete = False
            continue
        if key is not root:
            session = findings.sessions[key.access_key_id]
            findings.sessions[key.access_key_id] = session.model_copy(update={"followed": True})
    return findings, complete and search.pages_left > 0


def _closed(error: StepError) -> bool:
    return error.reason == "wrong_account" or (isinstance(error, AwsError) and error.reason == "permission_missing")


def _activity(access_key_id: str, account: str, search: Search, findings: Findings, *, complete: bool) -> KeyActivity:
    times = sorted(findings.times)
    return KeyActivity(
        access_key_id=access_key_id,
        account=account,
        calls=findings.events.total(),
        events=tuple(
            EventCount(event=name, count=count, refused=findings.refused[name])
            for name, count in sorted(findings.events.items(), key=lambda one: (-one[1], one[0]))[:MAX_LISTED]
        ),
        regions=tuple(sorted(findings.regions)),
        addresses=tuple(sorted(findings.addresses - {""})[:MAX_LISTED]),
        user_agents=tuple(sorted(findings.user_agents - {""})[:MAX_LISTED]),
        first_seen=times[0] if times else "",
        last_seen=times[-1] if times else "",
        sessions=tuple(findings.sessions.values())[:MAX_LISTED],
        roles=tuple(sorted(findings.roles)),
        created=tuple(sorted(findings.created, key=lambda change: change.at)[:MAX_LISTED]),
        secrets_read=tuple(sorted(findings.secrets_read)[:MAX_LISTED]),
        places_read=tuple(sorted(findings.places)[:MAX_PLACES]),
        searched_regions=search.regions,
        complete=complete and max(map(len, (findings.created, findings.sessions, findings.secrets_read))) <= MAX_LISTED,
    )


def _summary(found: KeyActivity, hours: int) -> str:
    where = ", ".join(found.searched_regions)
    late = "CloudTrail delivers some minutes late and shows management events only."
    if not found.calls:
        nothing = f"CloudTrail shows no call with {found.access_key_id} in {hours} h ({where})."
        return f"{nothing} That proves nothing yet: {late}"
    calls = (
        f"{found.access_key_id} and {plural(len(found.sessions), 'sessions')} born from it made "
        f"{plural(found.calls, 'calls')} from {plural(len(found.addresses), 'addresses')} between {found.first_seen} "
        f"and {found.last_seen} ({where})."
    )
    parts = [calls]
    if found.roles:
        parts.append(f"Roles assumed: {', '.join(found.roles)}.")
    if found.secrets_read:
        parts.append(f"Secrets read: {len(found.secrets_read)}.")
    if found.created:
        parts.append(f"Changes that outlive the key: {len(found.created)}.")
    if not found.complete:
        parts.append("A limit or a closed account was met, so there may be more.")
    return " ".join([*parts, late])


def _issued_to(answer: dict[str, Any], event: dict[str, Any]) -> str:
    """The ARN that a new session acts as: of the role's session, of the federated user, or of the caller itself."""
    for name in ("assumedRoleUser", "federatedUser"):
        if (answer.get(name) or {}).get("arn"):
            return str(answer[name]["arn"])
    return str((event.get("userIdentity") or {}).get("arn", ""))


def _resource(event: dict[str, Any]) -> str:
    """What an event was about: the resources that CloudTrail names, else the first telling parameter."""
    named = [str(one.get("ARN") or one.get("arn") or "") for one in event.get("resources") or ()]
    if any(named):
        return ", ".join(filter(None, named))
    parameters = event.get("requestParameters") or {}
    telling = (str(parameters[name]) for name in parameters if name.lower().endswith(("name", "arn", "id")))
    return ", ".join(list(filter(None, telling))[:2])
