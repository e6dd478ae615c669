"""Versions of a secret in Secrets Manager: read one, and replace the current one without ever being half-way.

A new value is stored as AWSPENDING, read back, and then made AWSCURRENT, provided that AWSCURRENT has not moved
meanwhile. The version id is the caller's token, so a repeated attempt finds its own version and continues.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from activities.aws.accounts import Accounts, Answer, Service
from activities.aws.errors import AwsError, after
from activities.aws.settling import settle
from firedoor.errors import StepError
from firedoor.steps._step import Credential

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"


def fingerprint(value: str) -> str:
    """Tells two values apart and gives neither away: the start of the SHA-256."""
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Stages:
    """Which version holds which label."""

    arn: str
    labels: dict[str, list[str]]
    answer: Answer

    def holder(self, label: str) -> str:
        """The version that holds a label; empty if none."""
        return next((version for version, labels in self.labels.items() if label in labels), "")


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret. `id` is its name or ARN."""

    manager: Service
    id: str
    settle_seconds: float

    def stages(self) -> Stages:
        """Needs secretsmanager:DescribeSecret. Raises `not_found`, also for a secret that is being deleted."""
        answer = self.manager.optional("DescribeSecret", SecretId=self.id)
        if answer is None or answer.get("DeletedDate"):
            raise StepError(
                "not_found",
                f"There is no secret {self.id} in region {self.manager.region}, or it is being deleted.",
                next="Check name, region and account; create it first (`aws secretsmanager create-secret`).",
            )
        return Stages(answer["ARN"], answer.get("VersionIdsToStages", {}), answer)

    def read(self, *, version: str = "", stage: str = "") -> tuple[str, Answer]:
        """The value of one version, and the answer without it. Needs secretsmanager:GetSecretValue."""
        wanted = {"VersionId": version} if version else {"VersionStage": stage}
        answer = self.manager("GetSecretValue", SecretId=self.id, **wanted)
        value = answer.pop("SecretString", None)
        answer.pop("SecretBinary", None)
        if value is None:
            raise StepError("conflict", f"The secret {self.id} holds binary data, not text.", next="Change it by hand.")
        return str(value), answer

    def credential(self, arn: str, version: str, value: str) -> Credential:
        """The secret as a credential, without its value."""
        where = f"aws-sm:{arn}#{version}"
        return Credential(provider="aws-secretsmanager", id=arn, fingerprint=fingerprint(value), where=where)

    def replace(self, token: str, value: str, expected: str) -> Answer:
        """Make `value` the current version `token`, if AWSCURRENT is still on `expected` (empty: on none).

        Answers with the reading that proves it. Raises `conflict` where somebody else is changing the secret.
        """
        now = self.stages()
        if now.holder(CURRENT) != token:
            self.put_pending(now, token, value, expected)
            self._promote(token, expected)
        with after(f"The new value of {self.id} is current (version {token})."):
            if self.stages().holder(PENDING) == token:
                self.unlabel(PENDING, token)
            return self._proved(token, value)

    def refuse_unless_reversible(self, now: Stages, version: str, instead_of: str) -> bool:
        """Whether `version` is AWSCURRENT already. Raises `changed_since` if it is gone, or another one is current."""
        current = now.holder(CURRENT)
        if current == version:
            return True
        if current != instead_of:
            raise StepError(
                "changed_since",
                f"{self.id} has got another value since: AWSCURRENT is on version {current or '(none)'}, "
                f"no longer on {instead_of}.",
                changed="The secret keeps the value that it has now.",
                next="If it shall have the old value all the same, move AWSCURRENT by hand.",
            )
        try:
            self.read(version=version)
        except AwsError as error:
            if error.reason not in {"not_found", "invalid_arguments"}:
                raise
            raise StepError(
                "changed_since",
                f"Version {version} of {self.id} is gone: AWS keeps the last two or so.",
                changed="The secret keeps the value that it has now.",
                next="Give the secret a value that works: `aws.secretsmanager.put_secret`.",
            ) from None
        return False

    def move_back(self, version: str, instead_of: str) -> Answer:
        """Move AWSCURRENT from `instead_of` to `version`, unless it is there. Answers with the proof."""
        if self.stages().holder(CURRENT) != version:
            move = {"VersionStage": CURRENT, "MoveToVersionId": version, "RemoveFromVersionId": instead_of}
            self.manager("UpdateSecretVersionStage", SecretId=self.id, **move)
        with after(f"AWS accepted that version {version} of {self.id} is current again, but it is not confirmed."):
            return self._current(version, lambda _: True)

    def put_pending(self, now: Stages, token: str, value: str, expected: str) -> None:
        """Put the value as AWSPENDING and read it back. Raises `conflict` where AWSCURRENT is not on `expected`."""
        pending = now.holder(PENDING)
        if pending not in {"", token}:
            raise StepError(
                "conflict",
                f"A rotation of {self.id} is under way: version {pending} is AWSPENDING.",
                next="Let it end, or cancel it (`aws secretsmanager cancel-rotate-secret`), then retry the step.",
            )
        if now.holder(CURRENT) != expected:
            self._moved(now.holder(CURRENT), expected)
        if token not in now.labels:
            version = {"ClientRequestToken": token, "SecretString": value, "VersionStages": [PENDING]}
            self.manager("PutSecretValue", SecretId=self.id, **version)
        stored, _ = self.read(version=token)
        if not hmac.compare_digest(stored.encode(), value.encode()):
            self.abandon(token)
            raise StepError(
                "conflict",
                f"Version {token} of {self.id} does not hold the value that firedoor put.",
                changed="The secret keeps its current value.",
                next="The value at the reference changed between two attempts, perhaps. Look, then retry the step.",
            )

    def _promote(self, token: str, expected: str) -> None:
        """Move AWSCURRENT from `expected` to `token`; RemoveFromVersionId makes that a compare-and-swap."""
        if self.stages().holder(CURRENT) == token:
            return  # the first version of a secret is AWSCURRENT at once
        leaving = {"RemoveFromVersionId": expected} if expected else {}
        move = {"SecretId": self.id, "VersionStage": CURRENT, "MoveToVersionId": token}
        try:
            with after(f"The new value of {self.id} waits as AWSPENDING (version {token}); consumers get the old one."):
                self.manager("UpdateSecretVersionStage", **move, **leaving)
        except AwsError as error:
            if error.retryable:
                raise
            self.abandon(token)
            error.changed = "The secret keeps its current value."
            if error.reason == "invalid_arguments":
                self._moved(self.stages().holder(CURRENT), expected)
            raise

    def abandon(self, token: str) -> None:
        """Take AWSPENDING off our version again: left there it would block every later rotation."""
        if self.stages().holder(PENDING) == token:
            self.unlabel(PENDING, token)

    def unlabel(self, label: str, version: str) -> None:
        """Take a label off a version."""
        self.manager("UpdateSecretVersionStage", SecretId=self.id, VersionStage=label, RemoveFromVersionId=version)

    def _proved(self, token: str, value: str) -> Answer:
        """Read AWSCURRENT back until it is our version with our value."""
        return self._current(token, lambda current: hmac.compare_digest(current.encode(), value.encode()))

    def _current(self, version: str, right: Callable[[str], bool]) -> Answer:
        """Read AWSCURRENT back until it is this version, with the right value."""

        def read() -> tuple[bool, Answer]:
            current, answer = self.read(stage=CURRENT)
            return right(current) and answer["VersionId"] == version, answer

        settled = settle(self.settle_seconds, read, lambda reading: reading[0])
        if not settled.stable:
            raise StepError(
                "not_stable",
                f"AWSCURRENT of {self.id} does not read back as version {version}.",
                next="firedoor tries again by itself.",
            )
        return settled.last[1]

    def _moved(self, found: str, expected: str) -> NoReturn:
        raise StepError(
            "conflict",
            f"Somebody else changed {self.id}: AWSCURRENT is on version {found or '(none)'}, "
            f"not on {expected or '(none)'} as before.",
            changed="The secret keeps the value that they gave it.",
            next="Look at the secret, then retry the step: it starts from the value that is there now.",
        )


def find(accounts: Accounts, secret_id: str, region: str = "", account: str = "") -> Secret:
    """The secret of a name or ARN."""
    if secret_id.startswith("arn:"):
        parts = secret_id.split(":")
        region, account = region or parts[3], account or parts[4]
    return Secret(accounts.service("secretsmanager", account, region), secret_id, accounts.settle_seconds)
