"""What stops working with a change, by name: who uses a key, which sessions die.

For a person to look at. An approval is bound to the blast radius instead, which counts what the change itself touches
(credentials, principals): that costs no further call and is the same in two looks. Who used what in the last minutes is
neither: CloudTrail answers two requests a second, and the world goes on. So AWS is asked in plan mode only, for at most
one page a question, and not at all for a step on many targets. What cannot be read is said, and never fails a preview.
"""

import datetime
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from activities._action import Context
from activities.aws.accounts import Accounts, Service, timestamp
from activities.aws.denied import Denied
from activities.credentials.reach import dependents as declared_dependents
from firedoor.errors import StepError
from firedoor.incident import Dependent, Mode
from firedoor.steps._step import Credential

#: A step on more targets than this shows what it touches, and names nobody.
FEW = 20
PAGE = 50
SHOWN = 20
KEY_DAYS = 7
#: The longest life of a session, in hours.
LIFE = {"User": 36, "Role": 12}
#: The calls that issue sessions of a user; those that issue a role's name the role.
ISSUES_USER = ("GetSessionToken", "GetFederationToken")
ISSUES_ROLE = "AssumeRole"


def of_key(iam: Service, account: str, access_key_id: str, context: Context) -> tuple[Dependent, ...]:
    """The services that a long-term key was used for lately, and from where. Needs cloudtrail:LookupEvents.

    And who uses it as the inventory says, and which customers depend on that.
    """
    declared = _declared(context, [access_key_id])
    if not _asked(context):
        return declared
    found = {one.name: one for one in _last_use(iam, access_key_id)}
    # CloudTrail says more of the same service; without data events it may not know the service of the last use.
    found.update({one.name: one for one in _consumers(context.aws, account, access_key_id)})
    return (*found.values(), *declared)


def of_principal(target: Denied, context: Context, *, everything: bool) -> tuple[Dependent, ...]:
    """The sessions that a deny ends and, where it denies everything to a user, the keys that stop working."""
    if not _asked(context):
        return ()
    keys = tuple(_keys(target)) if everything and target.kind == "User" else ()
    declared = _declared(context, [one.name for one in keys if one.count])
    return (*keys, *_sessions(context.aws, target), *declared)


def _declared(context: Context, keys: Sequence[str]) -> tuple[Dependent, ...]:
    """Who is hit as the inventory says, each once. It costs no call, but a search a key: not for thousands of them."""
    if len(context.call.targets) > FEW:
        return ()
    found = [one for key in keys for one in declared_dependents(context.clients, Credential(provider="aws", id=key))]
    return tuple({(one.kind, one.name): one for one in found}.values())


def _asked(context: Context) -> bool:
    return context.call.mode is Mode.PLAN and len(context.call.targets) <= FEW


def _unread(kind: str, name: str, error: StepError) -> Dependent:
    return Dependent(kind=kind, name=name, says=f"could not be read: {error.what}", count=0)


def _last_use(iam: Service, access_key_id: str) -> Iterator[Dependent]:
    try:
        used = iam("GetAccessKeyLastUsed", AccessKeyId=access_key_id).get("AccessKeyLastUsed", {})
    except StepError as error:
        yield _unread("services", "last use", error)
        return
    if used.get("LastUsedDate"):
        says = f"{access_key_id} was last used {timestamp(used['LastUsedDate'])} in {used['Region']}"
        yield Dependent(kind="services", name=used["ServiceName"], says=says)


def _consumers(aws: Accounts, account: str, access_key_id: str) -> Iterator[Dependent]:
    """One for each service that CloudTrail saw the key call."""
    calls: Counter[str] = Counter()
    agents: defaultdict[str, set[str]] = defaultdict(set)
    last: dict[str, str] = {}
    full = False
    for region in aws.cloudtrail_regions:
        try:
            events = _events(aws, account, region, KEY_DAYS * 24, AccessKeyId=access_key_id)
        except StepError as error:
            yield _unread("services", f"CloudTrail of {region}", error)
            continue
        full = full or len(events) == PAGE
        for event in events:
            source = str(event["eventSource"]).partition(".")[0]
            calls[source] += 1
            agents[source].add(f"{event.get('userAgent', '')} from {event.get('sourceIPAddress', '')}")
            last[source] = max(last.get(source, ""), str(event["eventTime"]))
    least = "at least " if full else ""
    for source, count in calls.most_common(SHOWN):
        by = "; ".join(sorted(agents[source])[:3])
        says = f"{least}{count} calls with {access_key_id} in {KEY_DAYS} days, the last {last[source]}, by {by}"
        yield Dependent(kind="services", name=source, says=says)


def _keys(target: Denied) -> Iterator[Dependent]:
    try:
        keys, _ = target.iam.pages("ListAccessKeys", "AccessKeyMetadata", UserName=target.principal.name)
    except StepError as error:
        yield _unread("credentials", "access keys", error)
        return
    for key in keys:
        yield Dependent(kind="credentials", name=key["AccessKeyId"], says=f"{key['Status']}; it may do nothing then")


def _sessions(aws: Accounts, target: Denied) -> Iterator[Dependent]:
    """One for each session that lives, the newest first."""
    hours, account = LIFE[target.kind], target.principal.account
    found: dict[str, str] = {}
    for region in aws.cloudtrail_regions:
        try:
            for event in _issuing(aws, account, region, target):
                key = ((event.get("responseElements") or {}).get("credentials") or {}).get("accessKeyId")
                if key:
                    found.setdefault(str(key), _issued(event))
        except StepError as error:
            yield _unread("sessions", f"CloudTrail of {region}", error)
    for key, says in list(found.items())[:SHOWN]:
        yield Dependent(kind="sessions", name=key, says=says)
    if len(found) > SHOWN:
        more, says = len(found) - SHOWN, f"more sessions were issued in the last {hours} h"
        yield Dependent(kind="sessions", name=f"{more} others of {target.principal.name}", says=says, count=more)


def _issuing(aws: Accounts, account: str, region: str, target: Denied) -> Iterator[dict[str, Any]]:
    """The events that issued sessions of a principal which may still live."""
    hours = LIFE[target.kind]
    if target.kind == "Role":
        for event in _events(aws, account, region, hours, ResourceName=target.arn):
            if str(event["eventName"]).startswith(ISSUES_ROLE):
                yield event
        return
    for name in ISSUES_USER:
        for event in _events(aws, account, region, hours, EventName=name):
            if (event.get("userIdentity") or {}).get("arn") == target.arn:
                yield event


def _issued(event: dict[str, Any]) -> str:
    """Since when a session lives, and who asked for it from where."""
    who = event.get("userIdentity") or {}
    by = who.get("arn") or who.get("invokedBy") or "somebody"
    return f"issued {event['eventTime']} to {by} from {event.get('sourceIPAddress', 'somewhere')}"


def _events(aws: Accounts, account: str, region: str, hours: int, **wanted: str) -> list[dict[str, Any]]:
    """One page of events, newest first."""
    [(attribute, value)] = wanted.items()
    trail = aws.service("cloudtrail", account, region)
    answer = trail(
        "LookupEvents",
        LookupAttributes=[{"AttributeKey": attribute, "AttributeValue": value}],
        StartTime=datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=hours),
        MaxResults=PAGE,
    )
    return [json.loads(event["CloudTrailEvent"]) for event in answer["Events"]]
