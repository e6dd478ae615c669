"""What AWS itself attaches to a user whose key it saw leak: a sign of the leak and a brake, not containment."""

from activities.aws.accounts import Service

#: Every version begins so: AWSCompromisedKeyQuarantine, …V2, V3, V4.
PREFIX = "AWSCompromisedKeyQuarantine"


def quarantined(iam: Service, kind: str, name: str) -> tuple[str, ...]:
    """Names of the quarantine policies on a `User` or `Role`. Needs iam:ListAttached{User,Role}Policies."""
    attached, _ = iam.pages(f"ListAttached{kind}Policies", "AttachedPolicies", **{f"{kind}Name": name})
    return tuple(sorted(policy["PolicyName"] for policy in attached if policy["PolicyName"].startswith(PREFIX)))
