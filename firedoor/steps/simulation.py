"""What AWS's policy simulator is asked about a principal, and what its answers mean. Pure: others do the asking."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ROLE_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+")

ALLOWED = "allowed"
#: A name for what a policy's pattern leaves open: the simulator takes names, not patterns.
ANY = "firedoor-doctor"


def questions(statements: Iterable[Mapping[str, Any]], account: str) -> Iterator[dict[str, list[str]]]:
    """For each statement of a policy the arguments of SimulatePrincipalPolicy that ask whether it is granted."""
    for statement in statements:
        resources = [example_of(resource, account) for resource in statement["Resource"]]
        yield {"ActionNames": list(statement["Action"]), "ResourceArns": resources}


def example_of(pattern: str, account: str) -> str:
    """A resource that a policy's pattern covers."""
    if pattern == "*":
        return pattern
    parts = pattern.split(":", 5)
    parts[4] = parts[4].replace("*", account)
    return ":".join(parts).replace("??????", "AbCdEf").replace("*", ANY)


def role_of(arn: str) -> tuple[str, str]:
    """Of a role's session the role's name, and its ARN but for the path, which only IAM knows; else two empty texts."""
    session = ROLE_SESSION.fullmatch(arn)
    if session is None:
        return "", ""
    return session["role"], f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"


def refused_everywhere(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """The actions that are allowed on none of the resources that were asked about."""
    decisions: dict[str, set[str]] = {}
    for result in results:
        specific = [one["EvalResourceDecision"] for one in result.get("ResourceSpecificResults") or ()]
        decisions.setdefault(result["EvalActionName"], set()).update(specific or [result["EvalDecision"]])
    return sorted(action for action, found in decisions.items() if ALLOWED not in found)
