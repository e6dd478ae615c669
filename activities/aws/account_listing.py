"""A whole account as IAM lists it: users with their credentials, and roles."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from activities.aws.accounts import Service, timestamp
from activities.aws.denied import Document, decoded

#: Roles that nobody can change in IAM: AWS's own, and Identity Center's.
OUT_OF_REACH = ("/aws-service-role/", "/aws-reserved/")
PAGE = 1000


@dataclass(frozen=True, slots=True)
class User:
    """A user, its access keys as IAM lists them, and when its console password was made (empty: it has none)."""

    name: str
    arn: str
    created: str
    password_used: str
    password_made: str
    keys: tuple[dict[str, Any], ...]

    @property
    def active(self) -> list[dict[str, Any]]:
        """Its active access keys."""
        return [key for key in self.keys if key["Status"] == "Active"]


@dataclass(frozen=True, slots=True)
class Role:
    """A role, whom it trusts, and when it was used last as far as IAM knows."""

    name: str
    arn: str
    path: str
    created: str
    last_used: str
    trust: Document

    @property
    def reachable(self) -> bool:
        """Can its policies be changed in IAM?"""
        return not self.path.startswith(OUT_OF_REACH)


def users(iam: Service) -> Iterator[User]:
    """Every user: iam:ListUsers, then ListAccessKeys and GetLoginProfile for each."""
    listed, _ = iam.pages("ListUsers", "Users", MaxItems=PAGE)
    for user in listed:
        name = {"UserName": user["UserName"]}
        keys, _ = iam.pages("ListAccessKeys", "AccessKeyMetadata", **name)
        profile = iam.optional("GetLoginProfile", **name)
        yield User(
            name=user["UserName"],
            arn=user["Arn"],
            created=timestamp(user["CreateDate"]),
            password_used=timestamp(user.get("PasswordLastUsed")),
            password_made=timestamp(profile["LoginProfile"]["CreateDate"]) if profile else "",
            keys=tuple(keys),
        )


def roles(iam: Service) -> list[Role]:
    """Every role: iam:GetAccountAuthorizationDetails."""
    listed, _ = iam.pages("GetAccountAuthorizationDetails", "RoleDetailList", Filter=["Role"], MaxItems=PAGE)
    return [
        Role(
            name=role["RoleName"],
            arn=role["Arn"],
            path=role["Path"],
            created=timestamp(role["CreateDate"]),
            last_used=timestamp(role.get("RoleLastUsed", {}).get("LastUsedDate")),
            trust=decoded(role["AssumeRolePolicyDocument"]),
        )
        for role in listed
    ]


def moment(since: str) -> datetime.datetime:
    """A moment of a step's arguments."""
    return datetime.datetime.fromisoformat(since)
