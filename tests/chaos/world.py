"""What the steps act on, as it tells it itself: keys in an AWS emulator, or switches in a file."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from firedoor.drill.emulators import Aws, AwsKey
from firedoor.plan import Effect, Loop, Plan, PlannedStep, Retry
from tests.chaos.actions import Ledger

#: What the wall clock shows when the monotonic clock shows 0.
EPOCH = time.time() - time.monotonic()


class World(Protocol):
    """Targets, in the order of their keys, and what was done to them."""

    @property
    def targets(self) -> Sequence[str]:
        """Their names."""
        ...

    def plan(self, attempts: int) -> tuple[Plan, dict[str, Any]]:
        """A plan that shuts every target in its step `act`, and its inputs."""
        ...

    def writes(self) -> dict[str, list[float]]:
        """When each target was changed, in seconds of the monotonic clock."""
        ...

    def shut(self) -> set[str]:
        """The targets that are shut now."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """Access keys of an account in ministack that no other case uses. Its CloudTrail is the witness."""

    aws: Aws
    account: str
    users: tuple[str, ...]
    targets: tuple[str, ...]
    many: bool

    @classmethod
    def make(cls, aws: Aws, account: str, count: int) -> "Keys":
        """A user with an active key for each target; `count` 0 stands for a single step."""
        iam = aws.client("iam", AwsKey(account, "root"))
        users = tuple(f"user-{number}" for number in range(count or 1))
        keys = []
        for user in users:
            iam.create_user(UserName=user)
            keys.append(iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"])
        return cls(aws, account, users, tuple(keys), count > 0)

    def plan(self, attempts: int) -> tuple[Plan, dict[str, Any]]:
        """Deactivate the key, or each of them."""
        each = [{"id": key, "user": user} for key, user in zip(self.targets, self.users, strict=True)]
        one = "one" if self.many else "inputs.keys[0]"
        arguments = {
            "access_key_id": f"${{{{ {one}.id }}}}",
            "user_name": f"${{{{ {one}.user }}}}",
            "account": self.account,
        }
        loop = Loop(items="inputs.keys", name="one", concurrency=5) if self.many else None
        return plan_of("aws.iam.deactivate_access_key", arguments, loop, attempts), {"keys": each}

    def writes(self) -> dict[str, list[float]]:
        """Calls of UpdateAccessKey that were carried out."""
        trail = self.aws.client("cloudtrail", AwsKey(self.account, "root"))
        wanted = [{"AttributeKey": "EventName", "AttributeValue": "UpdateAccessKey"}]
        found: dict[str, list[float]] = {}
        for page in trail.get_paginator("lookup_events").paginate(LookupAttributes=wanted):
            for event in page["Events"]:
                for key in self.targets:
                    if f'"{key}"' in event["CloudTrailEvent"] and '"errorCode"' not in event["CloudTrailEvent"]:
                        found.setdefault(key, []).append(event["EventTime"].timestamp() - EPOCH)
        return found

    def shut(self) -> set[str]:
        """Keys that are inactive."""
        iam = self.aws.client("iam", AwsKey(self.account, "root"))
        listed = [key for user in self.users for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]]
        return {key["AccessKeyId"] for key in listed if key["Status"] == "Inactive"}


@dataclass(frozen=True, slots=True)
class Switches:
    """Switches in a file: thousands of them cost little."""

    ledger: Ledger
    targets: tuple[str, ...]

    def plan(self, attempts: int) -> tuple[Plan, dict[str, Any]]:
        """Switch each off, a hundred at a time."""
        loop = Loop(items="inputs.names", name="one", concurrency=100)
        return plan_of("chaos.switch_off", {"name": "${{ one }}"}, loop, attempts), {"names": list(self.targets)}

    def writes(self) -> dict[str, list[float]]:
        """Lines of the file."""
        return self.ledger.effects()

    def shut(self) -> set[str]:
        """Switches that have a line."""
        return set(self.ledger.effects())


def plan_of(action: str, arguments: dict[str, Any], loop: Loop | None, attempts: int) -> Plan:
    """A plan with the one step `act`, tried again every second."""
    step = PlannedStep(
        id="act",
        kind="uses",
        action=action,
        effect=Effect.REVERSIBLE,
        containment=True,
        arguments=arguments,
        loop=loop,
        retry=Retry(attempts=attempts, interval=1, backoff=1, ceiling=1),
        timeout=30,
    )
    return Plan(name="chaos", title="Shut every target", runbook_sha256="0" * 64, steps=(step,))
