"""Access keys of IAM users: identify, list, deactivate, activate, delete. Making one is in `new_access_key`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from activities._action import Context, performs
from activities.aws.accounts import Accounts, Answer, Service, timestamp, unknown_key
from activities.aws.errors import AwsError, after
from activities.aws.quarantine import quarantined
from activities.aws.settling import Settled, settle
from firedoor.errors import StepError
from firedoor.incident import Outcome, Preview
from firedoor.plan import Effect
from firedoor.steps.aws_iam import (
    AccessKey,
    ActivateAccessKey,
    DeactivateAccessKey,
    DeleteAccessKey,
    IdentifyAccessKey,
    KeyIdentity,
    KeyList,
    KeyStatus,
    ListAccessKeys,
)

DELETED = "Deleted"


@dataclass(frozen=True, slots=True)
class Owner:
    """The user that a key belongs to, and how to reach it."""

    iam: Service
    account: str
    user_name: str

    def keys(self) -> tuple[tuple[AccessKey, ...], Answer]:
        """The user's keys now. Raises `not_found` where there is no such user."""
        try:
            listed, answer = self.iam.pages("ListAccessKeys", "AccessKeyMetadata", UserName=self.user_name)
        except AwsError as error:
            if error.reason == "not_found":
                raise StepError(
                    "not_found",
                    f"Account {self.account} has no IAM user {self.user_name}.",
                    next="Check the name; `aws.iam.identify_access_key` tells whose key it is.",
                ) from None
            raise
        return tuple(map(_access_key, listed)), answer

    def status(self, access_key_id: str) -> tuple[str, Answer]:
        """`Active`, `Inactive`, or `Deleted` where the user does not have the key."""
        keys, answer = self.keys()
        return next((key.status for key in keys if key.access_key_id == access_key_id), DELETED), answer


def owner_of(accounts: Accounts, account: str, user_name: str, access_key_id: str = "") -> Owner:
    """The owner of a key. What is empty is asked: the account from STS, the user from IAM.

    Raises `not_found`, `wrong_account`.
    """
    if not account:
        account = accounts.owner(access_key_id) if access_key_id else accounts.identity().account
    iam = accounts.service("iam", account)
    return Owner(iam, account, user_name or _last_used(iam, access_key_id)["UserName"])


@performs(IdentifyAccessKey)
def identify_access_key(step: IdentifyAccessKey, context: Context) -> Outcome:
    """sts:GetAccessKeyInfo → iam:GetAccessKeyLastUsed → iam:GetUser, ListAccessKeys, ListAttachedUserPolicies."""
    account = step.account or context.aws.owner(step.access_key_id)
    if step.access_key_id.startswith("ASIA"):
        return _identify_temporary(step.access_key_id, account, context.aws)
    iam = context.aws.service("iam", account)
    used = _last_used(iam, step.access_key_id)
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


@performs(DeactivateAccessKey)
def deactivate_access_key(step: DeactivateAccessKey, context: Context) -> Iterator[Preview | Outcome]:
    """iam:UpdateAccessKey Status=Inactive, read back by iam:ListAccessKeys."""
    context.aws.refuse_own_key(step.access_key_id)
    yield from _set_status(step, context, "Inactive")


@performs(ActivateAccessKey)
def activate_access_key(step: ActivateAccessKey, context: Context) -> Iterator[Preview | Outcome]:
    """iam:UpdateAccessKey Status=Active, read back by iam:ListAccessKeys."""
    yield from _set_status(step, context, "Active")


@performs(DeleteAccessKey)
def delete_access_key(step: DeleteAccessKey, context: Context) -> Iterator[Preview | Outcome]:
    """iam:DeleteAccessKey; a key that is gone already (NoSuchEntity) counts as deleted."""
    context.aws.refuse_own_key(step.access_key_id)
    _refuse_temporary(step.access_key_id)
    owner = owner_of(context.aws, _account_to_delete_in(step, context), step.user_name)
    now, listed = owner.status(step.access_key_id)
    if now == DELETED and context.earlier is None:
        _refuse_other_owner(owner, step.access_key_id)
    before = context.earlier.before["status"] if context.earlier else now
    same = before == now == DELETED
    yield Preview(
        change=_change(step.access_key_id, owner, before, DELETED, same=same),
        before={"status": before, "user_name": owner.user_name, "account": owner.account},
        effect=Effect.DESTRUCTIVE,
        blast={} if same else DeleteAccessKey.blast,
    )
    deleted = owner.iam.optional("DeleteAccessKey", UserName=owner.user_name, AccessKeyId=step.access_key_id)
    with after(f"The deletion of {step.access_key_id} was sent, but it is not confirmed."):
        settled = settle(
            context.aws.settle_seconds, lambda: owner.status(step.access_key_id), lambda reading: reading[0] == DELETED
        )
    change = Change(step.access_key_id, owner, before, (deleted or listed).request_id)
    yield change.outcome(settled, contains=True)


def _refuse_temporary(access_key_id: str) -> None:
    if access_key_id.startswith("ASIA"):
        raise StepError(
            "invalid_arguments",
            f"{access_key_id} is a temporary key; AWS can neither deactivate nor delete one.",
            next="Deny the sessions of the role or user that it was issued to: `aws.iam.deny_sessions`.",
        )


def _account_to_delete_in(step: DeleteAccessKey, context: Context) -> str:
    """The key's account. A key that is gone has none: it is looked for where its user is, in firedoor's own."""
    if step.account or context.earlier:
        return step.account or str(context.earlier and context.earlier.before["account"])
    try:
        return context.aws.owner(step.access_key_id)
    except StepError as error:
        if error.reason != "not_found":
            raise
        return ""


def _refuse_other_owner(owner: Owner, access_key_id: str) -> None:
    """A key that its alleged owner does not have may be somebody else's, and alive: that must not pass for deleted."""
    used = owner.iam.optional("GetAccessKeyLastUsed", AccessKeyId=access_key_id)
    if used and used.get("UserName") not in {None, "", owner.user_name}:
        raise StepError(
            "not_found",
            f"{access_key_id} is not a key of user {owner.user_name}, but of user {used['UserName']}.",
            next=f"Run the step again with user_name {used['UserName']}.",
        )


def _change(access_key_id: str, owner: Owner, before: str, wanted: str, *, same: bool) -> str:
    """One line for a preview."""
    whose = f"{access_key_id} of {owner.user_name}"
    return f"{whose} is already {wanted}: nothing to change" if same else f"{whose}: {before} → {wanted}"


def _set_status(
    step: DeactivateAccessKey | ActivateAccessKey, context: Context, wanted: str
) -> Iterator[Preview | Outcome]:
    _refuse_temporary(step.access_key_id)
    owner = owner_of(context.aws, step.account, step.user_name, step.access_key_id)
    now, listed = owner.status(step.access_key_id)
    if now == DELETED:
        raise StepError(
            "not_found",
            f"User {owner.user_name} of account {owner.account} has no access key {step.access_key_id}.",
            next="It was deleted, or belongs to another user: `aws.iam.identify_access_key` tells whose it is.",
        )
    # An earlier attempt may have changed it already: the state before is the one that it recorded.
    before = context.earlier.before["status"] if context.earlier else now
    undo = f"{step.undo} access_key_id={step.access_key_id} user_name={owner.user_name} account={owner.account}"
    same = before == now == wanted
    yield Preview(
        change=_change(step.access_key_id, owner, before, wanted, same=same),
        before={"status": before, "user_name": owner.user_name, "account": owner.account},
        effect=step.effect,
        undo="" if same else undo,
        blast={} if same else step.blast,
    )
    request_id = listed.request_id
    if now != wanted:
        request_id = owner.iam(
            "UpdateAccessKey", UserName=owner.user_name, AccessKeyId=step.access_key_id, Status=wanted
        ).request_id
    with after(f"AWS accepted that {step.access_key_id} becomes {wanted}, but it is not confirmed."):
        settled = settle(
            context.aws.settle_seconds, lambda: owner.status(step.access_key_id), lambda reading: reading[0] == wanted
        )
    if not step.containment and not settled.stable:
        raise StepError(
            "not_stable",
            f"AWS still shows {step.access_key_id} as {settled.last[0]}.",
            changed=f"AWS accepted that it becomes {wanted} (request {request_id}).",
            next="firedoor tries again by itself.",
        )
    yield Change(step.access_key_id, owner, before, request_id).outcome(settled, contains=step.containment)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a key's status that AWS accepted as request `request_id`; `before` is the status before it."""

    access_key_id: str
    owner: Owner
    before: str
    request_id: str

    def outcome(self, settled: Settled[tuple[str, Answer]], *, contains: bool) -> Outcome:
        """What came of it, from what was read back; with a verdict if it `contains`."""
        status, answer = settled.last
        name, account = self.owner.user_name, self.owner.account
        whose = f"{self.access_key_id} of user {name} (account {account})"
        if settled.stable and status == self.before == DELETED:
            summary = f"User {name} of account {account} has no access key {self.access_key_id}, and had none before."
        elif settled.stable:
            summary = f"{whose} is {status}{'.' if status != self.before else ', as it was before.'}"
        elif settled.good:
            summary = f"{whose} reads {status} now, but AWS's answers have not been stable."
        else:
            summary = (
                f"{whose} still reads {status} although AWS accepted the change (request {self.request_id}): "
                "somebody or something changes it back."
            )
        result = KeyStatus(access_key_id=self.access_key_id, user_name=name, account=account, status=status)
        says = f"{self.access_key_id} {status} in reading {settled.readings}; the change was request {self.request_id}"
        return Outcome(
            summary=summary,
            result=result.model_dump(mode="json"),
            verdict=settled.verdict if contains else None,
            changed=status != self.before,
            before={"status": self.before, "user_name": name, "account": account},
            evidence=(answer.evidence(says),),
        )


def _identify_temporary(access_key_id: str, account: str, accounts: Accounts) -> Outcome:
    """IAM knows nothing of a temporary key; a call in CloudTrail may say whose it is."""
    accounts.service("iam", account)  # another account without a role is refused before anything else
    for region in accounts.cloudtrail_regions:
        trail = accounts.service("cloudtrail", account, region)
        for attribute in ("AccessKeyId", "ResourceName"):
            accounts.wait_turn(account, region, 0.5)
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


def _last_used(iam: Service, access_key_id: str) -> Answer:
    try:
        used = iam.optional("GetAccessKeyLastUsed", AccessKeyId=access_key_id)
    except AwsError as error:
        if error.reason == "permission_missing":
            error.next += " AWS may also answer so for a key that does not exist (any more)."
        raise
    if used is None or not used.get("UserName"):
        raise unknown_key(access_key_id)
    if used["UserName"].startswith("<"):
        raise StepError(
            "conflict",
            f"{access_key_id} belongs to the root user of its account; IAM lets nobody else change it.",
            next="Sign in as root and delete the key there (Security credentials), then record it with a note.",
        )
    return used


def _access_key(listed: dict[str, Any]) -> AccessKey:
    return AccessKey(
        access_key_id=listed["AccessKeyId"], status=listed["Status"], created=timestamp(listed.get("CreateDate"))
    )


def _known(value: str | None) -> str:
    return "" if value in {None, "N/A"} else str(value)
