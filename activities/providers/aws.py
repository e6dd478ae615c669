"""AWS: access keys and service-specific credentials of IAM users; sessions, as far as one can be asked about alone.

API: https://docs.aws.amazon.com/IAM/latest/APIReference/. The value of an access key is a JSON object with
`aws_access_key_id`, `aws_secret_access_key` and, of a session, `aws_session_token`. IAM names no keys: what a lost
answer made is what the user did not have before.
"""

import datetime
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from activities.aws.accounts import Answer, Service
from activities.aws.errors import AwsError
from activities.providers import _by_hand
from activities.providers._provider import Api, Made, Reading, Use, kind_of
from activities.providers._reading import fingerprint, moment
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import ByApi, Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

ID, SECRET, TOKEN = "aws_access_key_id", "aws_secret_access_key", "aws_session_token"
#: What AWS answers to a key that it does not take: unknown, deleted, inactive, or a session that is over. A wrong
#: signature is none of these: it means a key that is active, with another secret, or a clock that is wrong.
REFUSED = frozenset(
    {
        *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
        *("ExpiredToken", "ExpiredTokenException"),
    }
)
HOUR, DAY = 3600, 86_400


@dataclass(frozen=True, slots=True)
class Operations:
    """How IAM names the operations of a kind: `ListX` with its member, and the field of the id."""

    noun: str
    member: str
    id_field: str


OPERATIONS = {
    "iam_access_key": Operations("AccessKey", "AccessKeyMetadata", "AccessKeyId"),
    "service_credential": Operations(
        "ServiceSpecificCredential", "ServiceSpecificCredentials", "ServiceSpecificCredentialId"
    ),
}


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """ListAccessKeys (or ListServiceSpecificCredentials) of one user, or of every user of firedoor's own account.

    Of access keys also GetAccessKeyLastUsed, where firedoor may ask that.
    """
    if not isinstance(kind.inventory, ByApi):
        return _by_hand.inventory(api, kind, scope)
    users = (
        [scope] if scope else [str(user["UserName"]) for user in api.aws.service("iam").pages("ListUsers", "Users")[0]]
    )
    return [
        _found(kind, one, user).model_copy(update={"last_used": _last_used(api, kind, user, one)})
        for user in users
        for one in _listed(api, kind.name, user)[0]
    ]


def look(api: Api, credential: Credential) -> Reading:
    """What IAM lists of it: only `Active` is alive."""
    kind = kind_of(api.provider, credential)
    if kind.name not in OPERATIONS:
        return _by_hand.look(api, credential)
    listed, answer = _listed(api, kind.name, _user(api, credential))
    field = OPERATIONS[kind.name].id_field
    status = next((str(one["Status"]) for one in listed if one[field] == credential.id), "")
    says = f"says that {credential.label} is {status}" if status else f"lists no {credential.label}"
    return Reading("live" if status == "Active" else "dead", answer.evidence(says), exists=bool(status))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """sts:GetCallerIdentity with the value. A value of another shape tells nothing."""
    if not isinstance(kind_of(api.provider, credential).verify, ByApi):
        return look(api, credential)
    parts = _parts(value)
    if not parts:
        says = f"the value is no JSON object with {ID} and {SECRET}"
        return Reading("unknown", Evidence(source="aws:none", says=says))
    try:
        answer = api.aws.acting_as(parts[ID], parts[SECRET], parts.get(TOKEN, ""))("GetCallerIdentity")
    except AwsError as error:
        dead = error.code in REFUSED
        says = f"{'refused the value' if dead else 'gave no answer that tells'}: {error.code or error.reason}"
        return Reading("dead" if dead else "unknown", Evidence(source="sts:GetCallerIdentity", says=says))
    return Reading("live", answer.evidence("accepted the value"))


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """UpdateAccessKey (or UpdateServiceSpecificCredential) Inactive. Raises `refused_self` for firedoor's own key."""
    return _set(api, credential, "Inactive")


def enable(api: Api, credential: Credential) -> Evidence:
    """The same, Active."""
    return _set(api, credential, "Active")


def delete(api: Api, credential: Credential) -> Evidence:
    """DeleteAccessKey, or DeleteServiceSpecificCredential."""
    kind = kind_of(api.provider, credential)
    if kind.name not in OPERATIONS:
        return _by_hand.delete(api, credential)
    api.aws.refuse_own_key(credential.id)
    done = _call(api, credential, f"Delete{OPERATIONS[kind.name].noun}")
    if done is None:
        return Evidence(source="iam", says=f"{credential.label} did not exist")
    return done.evidence(f"{credential.label} is deleted")


def create(api: Api, like: Credential, name: str) -> Made:
    """CreateAccessKey, or CreateServiceSpecificCredential for the same service."""
    kind = kind_of(api.provider, like)
    if kind.name not in OPERATIONS:
        return _by_hand.create(api, like, name)
    user = _user(api, like)
    iam, owner = _iam(api, user)
    if kind.name == "iam_access_key":
        made = _limited(iam, like, "CreateAccessKey", UserName=owner)["AccessKey"]
        value = SecretStr(json.dumps({ID: made["AccessKeyId"], SECRET: made["SecretAccessKey"]}))
    else:
        answer = _limited(iam, like, "CreateServiceSpecificCredential", UserName=owner, **_same(api, like, user))
        made = answer["ServiceSpecificCredential"]
        value = SecretStr(str(made.get("ServiceCredentialSecret") or made["ServicePassword"]))
    new = Credential(provider="aws", kind=kind.name, id=made[OPERATIONS[kind.name].id_field], scope=user, owner=owner)
    return Made(new.model_copy(update={"fingerprint": fingerprint(value)}), value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Those of the user that did not exist before."""
    kind = kind_of(api.provider, like)
    if kind.name not in OPERATIONS:
        return ()
    user = _user(api, like)
    found = (_found(kind, one, user).credential for one in _listed(api, kind.name, user)[0])
    return [one for one in found if one.id not in known]


def usage(api: Api, credential: Credential, since: datetime.datetime) -> Sequence[Use]:
    """cloudtrail:LookupEvents of the key, by hour, region and address. Needs cloudtrail:LookupEvents."""
    if kind_of(api.provider, credential).name == "service_credential":
        _by_hand.usage(api, credential, since)
    account = _user(api, credential).rpartition("/")[0] if credential.scope else ""
    return [use for region in api.aws.cloudtrail_regions for use in _uses(api, credential, account, region, since)]


def _uses(api: Api, credential: Credential, account: str, region: str, since: datetime.datetime) -> Iterator[Use]:
    trail = api.aws.service("cloudtrail", account, region)
    wanted = [{"AttributeKey": "AccessKeyId", "AttributeValue": credential.id}]
    events, _ = trail.pages("LookupEvents", "Events", LookupAttributes=wanted, StartTime=since)
    counted: Counter[tuple[datetime.datetime, str, str]] = Counter()
    failed: Counter[tuple[datetime.datetime, str, str]] = Counter()
    for event in events:
        record = json.loads(event["CloudTrailEvent"])
        if record.get("awsRegion", region) != region:
            continue
        hour = event["EventTime"].astimezone(datetime.UTC).replace(minute=0, second=0, microsecond=0)
        key = (hour, str(record.get("awsRegion") or ""), str(record.get("sourceIPAddress") or ""))
        counted[key] += 1
        failed[key] += "errorCode" in record
    for (hour, where, address), count in sorted(counted.items()):
        yield Use(hour, HOUR, count, failed=failed[hour, where, address], region=where, address=address)


def _set(api: Api, credential: Credential, status: str) -> Evidence:
    kind = kind_of(api.provider, credential)
    if kind.name not in OPERATIONS:
        return _by_hand.revoke(api, credential, None)
    api.aws.refuse_own_key(credential.id)
    done = _call(api, credential, f"Update{OPERATIONS[kind.name].noun}", Status=status)
    if done is None:
        return Evidence(source="iam", says=f"{credential.label} does not exist")
    return done.evidence(f"{credential.label} is set to {status}")


def _call(api: Api, credential: Credential, operation: str, **arguments: str) -> Answer | None:
    kind = kind_of(api.provider, credential)
    iam, owner = _iam(api, _user(api, credential))
    ids = {OPERATIONS[kind.name].id_field: credential.id}
    return iam.optional(operation, UserName=owner, **ids, **arguments)


def _same(api: Api, like: Credential, user: str) -> dict[str, Any]:
    """For which service the old one is, and for how many days it was made; without an end where it had none."""
    listed, _ = _listed(api, "service_credential", user)
    old = next((one for one in listed if one["ServiceSpecificCredentialId"] == like.id), None)
    if old is None:
        raise StepError(
            "not_found",
            f"IAM does not list {like.label} of the user {user}, so it is not known for which service it was.",
            next="Create one at the console for the service that its consumers use, and put it where they look.",
        )
    ends = old.get("ExpirationDate")
    days = {"CredentialAgeDays": max(1, math.ceil((ends - old["CreateDate"]).total_seconds() / DAY))} if ends else {}
    return {"ServiceName": str(old["ServiceName"]), **days}


def _limited(iam: Service, like: Credential, operation: str, **arguments: Any) -> Answer:
    """A creation; that a user has as many as AWS allows is said with what to do."""
    try:
        return iam(operation, **arguments)
    except AwsError as error:
        if error.reason == "limit_reached":
            error.next = (
                f"{like.scope or 'The user'} has two already, inactive ones included. "
                "Delete one that nobody needs, then retry the step."
            )
        raise


def _listed(api: Api, kind: str, user: str) -> tuple[list[Mapping[str, Any]], Answer]:
    operations, (iam, owner) = OPERATIONS[kind], _iam(api, user)
    return iam.pages(f"List{operations.noun}s", operations.member, UserName=owner)


def _iam(api: Api, user: str) -> tuple[Service, str]:
    account, _, name = user.rpartition("/")
    return api.aws.service("iam", account), name


def _user(api: Api, credential: Credential) -> str:
    """The user of a credential: its scope, or whoever IAM says. Raises `invalid_arguments` where nobody says."""
    if credential.scope:
        return credential.scope
    if credential.id.startswith("AKIA"):
        return str(api.aws.service("iam")("GetAccessKeyLastUsed", AccessKeyId=credential.id)["UserName"])
    raise StepError(
        "invalid_arguments",
        f"It is not said whose {credential.label} is.",
        next="Give the credential's `scope`: the name of the IAM user.",
    )


def _last_used(api: Api, kind: Kind, user: str, one: Mapping[str, Any]) -> str:
    """When an access key was last used, for any service; empty where IAM does not tell, or not us."""
    if kind.name != "iam_access_key":
        return ""
    try:
        answer = _iam(api, user)[0].optional("GetAccessKeyLastUsed", AccessKeyId=one["AccessKeyId"])
    except AwsError as error:
        if error.reason == "permission_missing":
            return ""
        raise
    last = (answer.get("AccessKeyLastUsed") or {}).get("LastUsedDate") if answer else None
    return moment(last.isoformat()) if last else ""


def _found(kind: Kind, one: Mapping[str, Any], user: str) -> Found:
    credential = Credential(
        provider="aws", kind=kind.name, id=str(one[OPERATIONS[kind.name].id_field]), scope=user, owner=user
    )
    status: Any = {"Active": "active", "Inactive": "inactive", "Expired": "expired"}.get(str(one["Status"]), "unknown")
    return Found(credential=credential, status=status, created=moment(one["CreateDate"].isoformat()))


def _parts(value: SecretStr) -> dict[str, str]:
    """The parts of a value; empty where it is none."""
    try:
        found = json.loads(value.get_secret_value())
    except ValueError:
        return {}
    if not isinstance(found, dict) or not found.get(ID) or not found.get(SECRET):
        return {}
    return {key: str(found[key]) for key in (ID, SECRET, TOKEN) if found.get(key)}
