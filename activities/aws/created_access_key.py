"""The undo of a new access key: the secret gets its version from before back, then the key is deleted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from activities._action import Context, performs
from activities.aws.access_keys import ACTIVE, DELETED, Owner, owner_of
from activities.aws.dependents import of_key
from activities.aws.errors import after
from activities.aws.previews import first_seen
from activities.aws.secret_versions import CURRENT, Secret, find
from activities.aws.settling import settle
from firedoor.errors import StepError
from firedoor.incident import Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.steps.aws_iam_keys import DeleteCreatedAccessKey, KeyStatus


@performs(DeleteCreatedAccessKey)
def delete_created_access_key(step: DeleteCreatedAccessKey, context: Context) -> Iterator[Preview | Outcome]:
    """secretsmanager:UpdateSecretVersionStage → iam:DeleteAccessKey, read back by iam:ListAccessKeys."""
    owner = owner_of(context.aws, step.account, step.user_name)
    secret = find(context.aws, step.secret_id, step.region, step.account)
    creation = Creation(step, owner, secret, _made(step, secret))
    key = creation.access_key_id
    now = creation.status()
    if key:
        context.aws.refuse_own_key(key)
        creation.refuse_what_has_moved_on(now)
    whose = f"{key or 'the new key'} of {owner.user_name}"
    gone = now == DELETED
    preview = first_seen(
        Preview(
            change=f"{whose} is already {DELETED}: nothing to change"
            if gone
            else f"{whose}: {now} → {DELETED}; {step.secret_id} gets its version from before back",
            before={"access_key_id": key, "status": now, "version_id": secret.stages().holder(CURRENT)},
            after={"access_key_id": key, "status": DELETED, "version_id": step.version_before},
            effect=Effect.DESTRUCTIVE,
            blast={} if gone else step.blast,
            dependents=() if gone else of_key(owner.iam, owner.account, key, context),
        ),
        context.earlier,
    )
    yield preview
    yield creation.undone(str(preview.before["status"]))


@dataclass(frozen=True, slots=True)
class Creation:
    """A key that was made; its id is empty where the secret has no version of that creation."""

    step: DeleteCreatedAccessKey
    owner: Owner
    secret: Secret
    access_key_id: str

    def status(self) -> str:
        """What IAM says of the key. Raises `changed_since` where it cannot be told which key was made."""
        keys, _ = self.owner.keys()
        if self.access_key_id:
            return next((key.status for key in keys if key.access_key_id == self.access_key_id), DELETED)
        strange = [key.access_key_id for key in keys if key.access_key_id not in self.step.keys_before]
        if strange:
            raise StepError(
                "changed_since",
                f"{self.owner.user_name} has the access key {', '.join(strange)}, which was not there before, but "
                f"{self.secret.id} does not hold the one that firedoor made: it cannot tell whether it is this one.",
                next="Find out who made it (CloudTrail: CreateAccessKey), and delete it if nobody needs it.",
            )
        return DELETED

    def refuse_what_has_moved_on(self, status: str) -> None:
        """Raise `changed_since` where deleting the key would leave its consumers without one."""
        stages, before, made = self.secret.stages(), self.step.version_before, self.step.made_version
        current = stages.holder(CURRENT)
        if status == DELETED and current != made:
            return
        if before or current != made:
            self.secret.refuse_unless_reversible(stages, before, made)
        old = _key_in(self.secret, before, self.step.id_field) if before else ""
        if old in self.step.keys_before and self.owner.status(old)[0] != ACTIVE:
            raise StepError(
                "changed_since",
                f"{old}, the key that {self.secret.id} held before, is no longer active: without "
                f"{self.access_key_id} its consumers would have none.",
                next=f"Activate {old} first (`aws.iam.activate_access_key`), then retry; or keep the new key.",
            )

    def undone(self, before: str) -> Outcome:
        """Move the secret back, delete the key, read back."""
        key, user = self.access_key_id, self.owner.user_name
        if key and self.step.version_before and self.secret.stages().holder(CURRENT) == self.step.made_version:
            self.secret.move_back(self.step.version_before, self.step.made_version)
        with after(f"{self.secret.id} has its version from before."):
            if key:
                self.owner.iam.optional("DeleteAccessKey", UserName=user, AccessKeyId=key)
        with after(f"The deletion of {key} was sent, but it is not confirmed."):
            settled = settle(
                self.secret.settle_seconds, lambda: self.owner.status(key), lambda reading: reading[0] == DELETED
            )
        if not settled.stable:
            raise StepError("not_stable", f"IAM still lists {key} of {user}.", changed="AWS accepted its deletion.")
        stages = self.secret.stages()
        result = KeyStatus(access_key_id=key, user_name=user, account=self.owner.account, status=DELETED)
        if not key:
            summary = f"There is no key of {user} to delete: none was stored in {self.secret.id}."
        else:
            holds = "has its version from before" if self.step.version_before else "still names it: it was empty before"
            summary = f"{key} of user {user} (account {self.owner.account}) is deleted; {self.secret.id} {holds}."
        return Outcome(
            summary=summary,
            result=result.model_dump(mode="json"),
            verdict=Verdict.RESTORED,
            changed=before != DELETED,
            before={"access_key_id": key, "status": before},
            evidence=(
                settled.last[1].evidence(f"{key or 'a new key'} {DELETED}"),
                stages.answer.evidence(f"{CURRENT} is version {stages.holder(CURRENT)}"),
            ),
        )


def _made(step: DeleteCreatedAccessKey, secret: Secret) -> str:
    """The id of the key that was made, from the version that took it; empty if there is no such version."""
    stages = secret.stages()
    if step.made_version not in stages.labels:
        return ""
    key = _key_in(secret, step.made_version, step.id_field)
    return "" if key in step.keys_before else key


def _key_in(secret: Secret, version: str, id_field: str) -> str:
    """The key id that a version holds. The rest of it is let go at once."""
    value, _ = secret.read(version=version)
    try:
        document = json.loads(value)
    except ValueError:
        return ""
    return str(document.get(id_field, "")) if isinstance(document, dict) else ""
