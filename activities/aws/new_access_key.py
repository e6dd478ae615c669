"""A new access key, straight into a secret. Its value lives in local variables here and nowhere else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from activities._action import Context, performs
from activities.aws.access_keys import Owner, owner_of
from activities.aws.errors import AwsError, after
from activities.aws.secret_versions import CURRENT, Secret, find, fingerprint
from activities.aws.settling import settle
from firedoor.errors import StepError
from firedoor.incident import Inverse, Outcome, Preview
from firedoor.plan import Effect
from firedoor.steps._step import Credential
from firedoor.steps.aws_iam_keys import AccessKey, CreateAccessKey, NewKey

LIMIT = 2


@performs(CreateAccessKey)
def create_access_key(step: CreateAccessKey, context: Context) -> Iterator[Preview | Outcome]:
    """iam:CreateAccessKey → secretsmanager (pending, verified, current) → iam:ListAccessKeys.

    IAM has no idempotency token. A key that is not in the list from before the first attempt, that was never used, and
    whose value is not in the secret, is one whose answer was lost: it is deleted.
    """
    owner = owner_of(context.aws, step.account, step.user_name)
    secret = find(context.aws, step.secret_id, step.region, step.account)
    stages = secret.stages()
    current = stages.holder(CURRENT)
    keys, _ = owner.keys()
    before: dict[str, Any] = {"keys": [key.access_key_id for key in keys], "version_id": current}
    if context.earlier:
        before = context.earlier.before
    elif len(keys) >= LIMIT:
        raise _full(owner, keys)
    # Bound to the version that it replaces, so that a later run of the same incident makes a version of its own.
    token = context.token(f"create_access_key {before['version_id']}")
    place = Place(step, owner, secret, _document(secret, current), token)
    inverse = {
        "user_name": owner.user_name,
        "account": owner.account,
        "keys_before": before["keys"],
        "secret_id": stages.arn,
        "made_version": token,
        "version_before": before["version_id"],
        "id_field": step.id_field,
    }
    yield Preview(
        change=f"a new access key for {owner.user_name}, into {step.secret_id}",
        before=before,
        after={"keys": [*before["keys"], "(a new one)"], "version_id": token},
        effect=Effect.REVERSIBLE,
        inverse=Inverse(action=step.undo, arguments=inverse),
        blast=step.blast,
    )
    made = place.stored() if place.token in stages.labels else None
    if made is None:
        if context.earlier:
            _delete_orphans(owner, before["keys"])
        made = _create(owner)
        place.store(*made, before["version_id"])
    elif current != place.token:
        place.store(*made, before["version_id"])
    with after(f"{made[0]} was made and stored in {step.secret_id}."):
        yield place.outcome(*made, stages.arn, before)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the new key goes: fields of the JSON object `document`, as version `token` of a secret."""

    step: CreateAccessKey
    owner: Owner
    secret: Secret
    document: dict[str, Any]
    token: str

    def stored(self) -> tuple[str, str]:
        """The key that an earlier attempt put into our version already: its id and secret."""
        document = _document(self.secret, self.token)
        return str(document[self.step.id_field]), str(document[self.step.secret_field])

    def store(self, access_key_id: str, secret_key: str, expected: str) -> None:
        """Put the key into the secret, or delete it again where that cannot work."""
        value = json.dumps(self.document | {self.step.id_field: access_key_id, self.step.secret_field: secret_key})
        try:
            with after(f"The access key {access_key_id} was made; its value is not known to be stored."):
                self.secret.replace(self.token, value, expected)
        except StepError as error:
            # In doubt, the next attempt finds out; a key that is current already must not be deleted.
            if error.retryable or self.secret.stages().holder(CURRENT) == self.token:
                raise
            with after(
                f"The access key {access_key_id} was made, could not be stored, and may still exist: delete it."
            ):
                self.owner.iam.optional("DeleteAccessKey", UserName=self.owner.user_name, AccessKeyId=access_key_id)
            error.changed = f"The new access key {access_key_id} was deleted again; the secret keeps its value."
            raise

    def outcome(self, access_key_id: str, secret_key: str, arn: str, before: dict[str, Any]) -> Outcome:
        """Read back that the key is active; that the secret holds it has been read back before."""
        user = self.owner.user_name
        settled = settle(
            self.secret.settle_seconds, lambda: self.owner.status(access_key_id), lambda reading: reading[0] == "Active"
        )
        if not settled.stable:
            raise StepError("not_stable", f"IAM shows the new key {access_key_id} as {settled.last[0]}.")
        credential = Credential(
            provider="aws",
            id=access_key_id,
            fingerprint=fingerprint(secret_key),
            where=f"aws-sm:{arn}#{self.token}",
        )
        result = NewKey(credential=credential, user_name=user, account=self.owner.account)
        return Outcome(
            summary=f"{user} has the new access key {access_key_id}; its value is in {self.secret.id}.",
            result=result.model_dump(mode="json"),
            changed=True,
            before=before,
            evidence=(
                settled.last[1].evidence(f"{access_key_id} Active"),
                self.secret.stages().answer.evidence(f"{CURRENT} is version {self.token}"),
            ),
        )


def _document(secret: Secret, version: str) -> dict[str, Any]:
    """The secret's JSON object, whose other fields are kept; an empty one where there is no version yet."""
    if not version:
        return {}
    value, _ = secret.read(version=version)
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise StepError(
            "conflict",
            f"The secret {secret.id} does not hold a JSON object, so an access key has no place in it.",
            next="Name another secret, or give this one the value {} first.",
        )
    return document


def _delete_orphans(owner: Owner, before: list[str]) -> None:
    """Delete keys that are not in the list from before and were never used: their secret is lost."""
    keys, _ = owner.keys()
    for key in keys:
        if key.access_key_id in before:
            continue
        used = owner.iam("GetAccessKeyLastUsed", AccessKeyId=key.access_key_id)
        if used.get("AccessKeyLastUsed", {}).get("LastUsedDate"):
            raise StepError(
                "conflict",
                f"Since this step began, {owner.user_name} got a key {key.access_key_id} that is in use.",
                changed="If firedoor made it, its answer was lost and nobody could use it; so somebody else did.",
                next="Find out who (CloudTrail: CreateAccessKey). If it is not yours, deactivate it; then retry.",
            )
        owner.iam.optional("DeleteAccessKey", UserName=owner.user_name, AccessKeyId=key.access_key_id)


def _create(owner: Owner) -> tuple[str, str]:
    """The new key's id and secret."""
    try:
        made = owner.iam("CreateAccessKey", UserName=owner.user_name)["AccessKey"]
    except AwsError as error:
        if error.reason == "limit_reached":
            raise _full(owner, owner.keys()[0]) from None
        raise
    return str(made["AccessKeyId"]), str(made["SecretAccessKey"])


def _full(owner: Owner, keys: tuple[AccessKey, ...]) -> StepError:
    shown = ", ".join(f"{key.access_key_id} ({key.status}, made {key.created})" for key in keys)
    return StepError(
        "limit_reached",
        f"{owner.user_name} already has {len(keys)} access keys, and AWS allows no more: {shown}.",
        next="Delete the one that leaked or is not needed (`aws.iam.delete_access_key`), then retry the step.",
    )
