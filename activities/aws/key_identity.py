"""Whose access key it is, and which keys a user has. Nothing here changes anything."""

import json
from typing import Any

from activities._action import Context, performs
from activities.aws.access_keys import Owner, last_used, owner_of
from activities.aws.accounts import Accounts, Answer, timestamp, unknown_key
from activities.aws.quarantine import quarantined
from firedoor.incident import Outcome
from firedoor.steps.aws_iam_keys import IdentifyAccessKey, KeyIdentity, KeyList, ListAccessKeys


@performs(IdentifyAccessKey)
def identify_access_key(step: IdentifyAccessKey, context: Context) -> Outcome:
    """sts:GetAccessKeyInfo → iam:GetAccessKeyLastUsed → iam:GetUser, ListAccessKeys, ListAttachedUserPolicies."""
    account = step.account or context.aws.owner(step.access_key_id)
    if step.access_key_id.startswith("ASIA"):
        return _identify_temporary(step.access_key_id, account, context.aws)
    iam = context.aws.service("iam", account)
    used = last_used(iam, step.access_key_id)
    owner = Owner(iam, account, used["UserName"])
    keys, listed = owner.keys()
    own = next((key for key in keys if key.access_key_id == step.access_key_id), None)
    if own is None:
        raise unknown_key(step.access_key_id)
    policies = quarantined(iam, "User", owner.user_name)
    last = used.get("AccessKeyLastUsed", {})
    found = KeyIdentity(
        access_key_id=step.access_key_id,
        kind="long_term",
        account=account,
        user_name=owner.user_name,
        principal_arn=iam("GetUser", UserName=owner.user_name)["User"]["Arn"],
        status=own.status,
        created=own.created,
        last_used=timestamp(last.get("LastUsedDate")),
        last_used_service=_known(last.get("ServiceName")),
        last_used_region=_known(last.get("Region")),
        siblings=tuple(key for key in keys if key is not own),
        quarantined=policies,
    )
    use = "never used"
    if found.last_used:
        use = f"last used {found.last_used} ({found.last_used_service}, {found.last_used_region})"
    summary = f"{step.access_key_id} is {own.status}, belongs to user {owner.user_name} of account {account}, {use}."
    if found.siblings:
        summary += " Other keys: " + ", ".join(f"{key.access_key_id} ({key.status})" for key in found.siblings) + "."
    if policies:
        summary += f" AWS has quarantined the user ({', '.join(policies)}): a sign of the leak, not containment."
    return Outcome(
        summary=summary,
        result=found.model_dump(mode="json"),
        evidence=(
            used.evidence(f"belongs to {owner.user_name}, {use}"),
            listed.evidence(f"{step.access_key_id} {own.status}"),
        ),
    )


@performs(ListAccessKeys)
def list_access_keys(step: ListAccessKeys, context: Context) -> Outcome:
    """iam:ListAccessKeys."""
    owner = owner_of(context.aws, step.account, step.user_name)
    keys, answer = owner.keys()
    active = sum(key.status == "Active" for key in keys)
    shown = ", ".join(f"{key.access_key_id} ({key.status})" for key in keys) or "none"
    found = KeyList(account=owner.account, user_name=owner.user_name, keys=keys, active=active)
    return Outcome(
        summary=f"User {owner.user_name} of account {owner.account} has {len(keys)} access keys: {shown}.",
        result=found.model_dump(mode="json"),
        evidence=(answer.evidence(shown),),
    )


def _identify_temporary(access_key_id: str, account: str, accounts: Accounts) -> Outcome:
    """IAM knows nothing of a temporary key; a call in CloudTrail may say whose it is."""
    accounts.service("iam", account)  # another account without a role is refused before anything else
    for region in accounts.cloudtrail_regions:
        trail = accounts.service("cloudtrail", account, region)
        for attribute in ("AccessKeyId", "ResourceName"):
            wanted = [{"AttributeKey": attribute, "AttributeValue": access_key_id}]
            answer = trail("LookupEvents", LookupAttributes=wanted, MaxResults=50)
            for event in answer["Events"]:
                who = _issued_to(json.loads(event["CloudTrailEvent"]), access_key_id)
                if who:
                    return _temporary(access_key_id, account, who, answer)
    return _temporary(access_key_id, account, {}, None)


def _issued_to(event: dict[str, Any], access_key_id: str) -> dict[str, str]:
    """Principal and user name of a temporary key, from a call made with it or from the call that issued it."""
    caller = event.get("userIdentity") or {}
    if caller.get("accessKeyId") == access_key_id:
        issuer = (caller.get("sessionContext") or {}).get("sessionIssuer") or {}
        arn = issuer.get("arn") or caller.get("arn", "")
        return {"arn": arn, "user": caller.get("userName", "") if ":user/" in arn else ""}
    issued = (event.get("responseElements") or {}).get("credentials") or {}
    if issued.get("accessKeyId") != access_key_id:
        return {}
    role = (event.get("requestParameters") or {}).get("roleArn")
    return {"arn": role or caller.get("arn", ""), "user": "" if role else caller.get("userName", "")}


def _temporary(access_key_id: str, account: str, who: dict[str, str], answer: Answer | None) -> Outcome:
    found = KeyIdentity(
        access_key_id=access_key_id,
        kind="temporary",
        account=account,
        principal_arn=who.get("arn", ""),
        user_name=who.get("user", ""),
    )
    if found.principal_arn:
        summary = f"{access_key_id} is a temporary key of {found.principal_arn}, says CloudTrail."
    else:
        summary = (
            f"{access_key_id} is a temporary key of account {account}. AWS does not list temporary keys, and "
            "CloudTrail shows no call with it in 90 days (events come minutes late): whose it is cannot be told yet."
        )
    return Outcome(
        summary=summary + " It cannot be deactivated; deny the sessions of its principal instead.",
        result=found.model_dump(mode="json"),
        evidence=(answer.evidence(f"{access_key_id} belongs to {found.principal_arn}"),) if answer else (),
    )


def _known(value: str | None) -> str:
    return "" if value in {None, "N/A"} else str(value)
