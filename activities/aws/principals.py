"""IAM principals: users and roles, and their ARNs."""

import re
from dataclasses import dataclass
from typing import Literal, Self

from firedoor.errors import StepError

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:iam|sts)::(?P<account>[0-9]{12}):(?P<kind>[a-z-]+)(?:/(?P<rest>.+))?"
)


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or role. Names are unique in an account whatever the path, so equality leaves the path out."""

    account: str
    kind: Literal["user", "role"]
    name: str
    partition: str = "aws"

    @classmethod
    def parse(cls, arn: str) -> Self:
        """The principal that an ARN means; a role's session means its role. Raises `invalid_arguments`."""
        match = _ARN.fullmatch(arn)
        if not match or not match["rest"]:
            raise StepError(
                "invalid_arguments", f"{arn or 'An empty text'} is not the ARN of an IAM user or role.{_hint(match)}"
            )
        account, partition, rest = match["account"], match["partition"], match["rest"]
        if match["kind"] == "user":
            return cls(account, "user", rest.rpartition("/")[2], partition)
        if match["kind"] == "role":
            return cls(account, "role", rest.rpartition("/")[2], partition)
        if match["kind"] == "assumed-role":
            return cls(account, "role", rest.partition("/")[0], partition)
        raise StepError(
            "invalid_arguments",
            f"{arn} is neither a user nor a role.",
            next="For a federated session, name the IAM user that asked for it (CloudTrail: GetFederationToken).",
        )

    @property
    def label(self) -> str:
        """For a person: `user ada of account 123456789012`."""
        return f"{self.kind} {self.name} of account {self.account}"


def principal_of(arn: str) -> Principal | None:
    """The user or role that an ARN means; None for the root user, a service and the like."""
    try:
        return Principal.parse(arn)
    except StepError:
        return None


def _hint(match: re.Match[str] | None) -> str:
    if match and match["kind"] == "root":
        return " AWS lets nobody deny the root user of an account or its sessions."
    return ""
