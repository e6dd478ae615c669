"""Access keys of IAM users: deactivate, activate, delete. Whose one is: `key_identity`; a new one: `new_access_key`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from activities._action import Context, performs
from activities.aws.accounts import Accounts, Answer, Service, timestamp, unknown_key
from activities.aws.dependents import of_key
from activities.aws.errors import AwsError, after
from activities.aws.previews import first_seen
from activities.aws.settling import Settled, settle
from firedoor.errors import StepError
from firedoor.incident import Inverse, Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.steps.aws_iam_keys import (
    AccessKey,
    ActivateAccessKey,
    DeactivateAccessKey,
    DeleteAccessKey,
    KeyStatus,
)

ACTIVE = "Active"
INACTIVE = "Inactive"
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

    def state(self, status: str) -> dict[str, str]:
        """The state of a key of this user, as previews and outcomes have it."""
        return {"status": status, "user_name": self.user_name, "account": self.account}

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
    return Owner(iam, account, user_name or last_used(iam, access_key_id)["UserName"])


@performs(DeactivateAccessKey)
def deactivate_access_key(step: DeactivateAccessKey, context: Context) -> Iterator[Preview | Outcome]:
    """iam:UpdateAccessKey Status=Inactive, read back by iam:ListAccessKeys."""
    context.aws.refuse_own_key(step.access_key_id)
    yield from _set_status(step, context, INACTIVE)


@performs(ActivateAccessKey)
def activate_access_key(step: ActivateAccessKey, context: Context) -> Iterator[Preview | Outcome]:
    """iam:UpdateAccessKey Status=Active, read back by iam:ListAccessKeys."""
    yield from _set_status(step, context, ACTIVE)


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
        before=owner.state(before),
        after=owner.state(DELETED),
        effect=Effect.DESTRUCTIVE,
        blast={} if same else step.blast,
        dependents=() if same else of_key(owner.iam, owner.account, step.access_key_id, context),
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
    now, listed = _standing(step, owner)
    yield first_seen(_preview(step, context, owner, now, wanted), context.earlier)
    # An earlier attempt may have changed it already: the state before is the one that it recorded.
    before = context.earlier.before["status"] if context.earlier else now
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


def _standing(step: DeactivateAccessKey | ActivateAccessKey, owner: Owner) -> tuple[str, Answer]:
    """The status of a key that exists; for an undo it is `changed_since` if key or user are gone."""
    try:
        now, listed = owner.status(step.access_key_id)
    except StepError as error:
        if step.expected and error.reason == "not_found":
            raise _gone(step, owner) from None
        raise
    if now == DELETED:
        raise _gone(step, owner)
    return now, listed


def _preview(
    step: DeactivateAccessKey | ActivateAccessKey, context: Context, owner: Owner, now: str, wanted: str
) -> Preview:
    """What setting the status to `wanted` would change."""
    same = now == wanted
    inverse = {
        "access_key_id": step.access_key_id,
        "user_name": owner.user_name,
        "account": owner.account,
        "expected": wanted,
    }
    return Preview(
        change=_change(step.access_key_id, owner, now, wanted, same=same),
        before=owner.state(now),
        after=owner.state(wanted),
        effect=step.effect,
        inverse=None if same else Inverse(action=step.undo, arguments=inverse),
        blast={} if same else step.blast,
        dependents=() if same or wanted == ACTIVE else of_key(owner.iam, owner.account, step.access_key_id, context),
    )


def _gone(step: DeactivateAccessKey | ActivateAccessKey, owner: Owner) -> StepError:
    """The error for a key that the user does not have; for an undo, the world has changed since."""
    if step.expected:
        return StepError(
            "changed_since",
            f"User {owner.user_name} of account {owner.account} no longer has the access key {step.access_key_id}: "
            "somebody has deleted it.",
            next="A deleted key cannot be restored. If something still needs one, make a new key.",
        )
    return StepError(
        "not_found",
        f"User {owner.user_name} of account {owner.account} has no access key {step.access_key_id}.",
        next="It was deleted, or belongs to another user: `aws.iam.identify_access_key` tells whose it is.",
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a key's status that AWS accepted as request `request_id`; `before` is the status before it."""

    access_key_id: str
    owner: Owner
    before: str
    request_id: str

    def outcome(self, settled: Settled[tuple[str, Answer]], *, contains: bool) -> Outcome:
        """What came of it, from what was read back. What does not contain restores, and is stable here."""
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
            verdict=settled.verdict if contains else Verdict.RESTORED,
            changed=status != self.before,
            before=self.owner.state(self.before),
            evidence=(answer.evidence(says),),
        )


def last_used(iam: Service, access_key_id: str) -> Answer:
    """IAM's answer about the last use of a key; it names its owner. Raises `not_found`, `conflict` for a root key."""
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
