"""AWS: access keys of IAM users, their service-specific credentials (Bedrock among them), sessions.

Source: the API references of IAM, STS and CloudTrail (read 2026-11). Roles are preferred over all of these.
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider

USER = r"(\d{12}/)?[\w+=,.@-]{1,64}"
_USER = "the user, or ACCOUNT/USER in another account"
_TRAIL = ByApi(call="cloudtrail:LookupEvents", permission="cloudtrail:LookupEvents", note="management events only")

PROVIDER = Provider(
    name="aws",
    title="AWS",
    docs="https://docs.aws.amazon.com/IAM/latest/APIReference/",
    http=False,
    kinds=(
        Kind(
            name="iam_access_key",
            title="IAM access key",
            id_pattern=r"AKIA[A-Z0-9]{12,124}",
            scope=_USER,
            scope_pattern=USER,
            inventory=ByApi(
                call="iam:ListAccessKeys",
                permission="iam:ListUsers, iam:ListAccessKeys; for the last use iam:GetAccessKeyLastUsed",
            ),
            verify=ByApi(call="sts:GetCallerIdentity", note="with the key itself; needs no permission"),
            revoke=ByApi(
                call="iam:UpdateAccessKey {Inactive}",
                permission="iam:UpdateAccessKey",
                note="sessions made from it live on: aws.iam.deny_sessions ends them",
            ),
            create=ByApi(
                call="iam:CreateAccessKey",
                permission="iam:CreateAccessKey",
                note="a user has two at most; the value is the JSON of aws_access_key_id and aws_secret_access_key",
            ),
            usage=_TRAIL,
            reversible=True,
            named=False,
            wavers=True,
        ),
        Kind(
            name="service_credential",
            title="service-specific credential",
            id_pattern=r"ACCA[A-Z0-9]{12,124}",
            scope=_USER,
            scope_pattern=USER,
            inventory=ByApi(
                call="iam:ListServiceSpecificCredentials",
                permission="iam:ListUsers, iam:ListServiceSpecificCredentials",
                note="long-term keys of Bedrock, CodeCommit, Keyspaces",
            ),
            verify=Never(why="only the service itself accepts it; IAM tells whether it is active"),
            revoke=ByApi(
                call="iam:UpdateServiceSpecificCredential {Inactive}",
                permission="iam:UpdateServiceSpecificCredential",
            ),
            create=ByApi(
                call="iam:CreateServiceSpecificCredential",
                permission="iam:CreateServiceSpecificCredential",
                note="for the same service and as many days; a user has two for each service at most",
            ),
            usage=Never(why="CloudTrail names the user, not the service-specific credential"),
            reversible=True,
            named=False,
            wavers=True,
        ),
        Kind(
            name="session",
            title="temporary credential",
            id_pattern=r"ASIA[A-Z0-9]{12,124}",
            inventory=Never(why="AWS lists no sessions"),
            verify=ByApi(call="sts:GetCallerIdentity", note="with the session itself; needs no permission"),
            revoke=ByHand(
                steps="No single session can be revoked: run the step aws.iam.deny_sessions on its user or role, which "
                "denies every session issued before now. Or in the console: Roles → the role → Revoke sessions.",
                link="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html",
            ),
            create=Never(why="a workload assumes its role again by itself"),
            usage=_TRAIL,
            replacement="by_hand",
        ),
    ),
)
