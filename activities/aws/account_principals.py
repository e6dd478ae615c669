"""Who can act in an account, and who did so lately."""

from typing import Any

from activities._action import Context, performs
from activities.aws.access_keys import last_used
from activities.aws.account_listing import Role, User, roles, users
from activities.aws.accounts import Service, timestamp
from activities.aws.principals import Principal
from firedoor.incident import Evidence, Outcome
from firedoor.steps.aws_iam_account import AccountPrincipal, AccountPrincipals, ListPrincipals, UsedKey


@performs(ListPrincipals)
def list_principals(step: ListPrincipals, context: Context) -> Outcome:
    """iam:ListUsers with keys and passwords of each, and GetAccountAuthorizationDetails for the roles."""
    account = step.account or context.aws.identity().account
    iam = context.aws.service("iam", account)
    own = context.aws.own_principals()
    principals: list[AccountPrincipal] = []
    keys: list[UsedKey] = []
    for user in users(iam):
        active = [_key(iam, key, user.name, account, step.since) for key in user.active]
        if active or user.password_made:
            keys += active
            principals.append(_user(user, active, step.since))
    found = roles(iam)
    principals += [_role(role, step.since) for role in found if role.reachable]
    mine = {one.principal_arn for one in principals if Principal.parse(one.principal_arn) in own}
    names = {one.name for one in principals if one.principal_arn in mine and one.kind == "user"}
    others = [one for one in principals if one.principal_arn not in mine]
    result = AccountPrincipals(
        account=account,
        principals=tuple(principals),
        users=tuple(one.principal_arn for one in others if one.kind == "user" and one.used),
        roles=tuple(one.principal_arn for one in others if one.kind == "role"),
        access_keys=tuple(key for key in keys if key.user_name not in names),
        out_of_reach=tuple(sorted({role.arn for role in found if not role.reachable} | mine)),
    )
    used = sum(key.used for key in keys)
    summary = (
        f"Account {account} has {sum(one.kind == 'user' for one in principals)} users with active credentials, "
        f"{len(keys)} active access keys ({used} used or made since {step.since}) and {len(result.roles)} roles whose "
        f"sessions can be denied; {len(result.out_of_reach)} are out of reach."
    )
    return Outcome(
        summary=summary,
        result=result.model_dump(mode="json"),
        evidence=(Evidence(source="iam:ListUsers, iam:GetAccountAuthorizationDetails", says=summary),),
    )


def _key(iam: Service, key: dict[str, Any], user_name: str, account: str, since: str) -> UsedKey:
    identifier = str(key["AccessKeyId"])
    created = timestamp(key["CreateDate"])
    used = timestamp(last_used(iam, identifier)["AccessKeyLastUsed"].get("LastUsedDate"))
    return UsedKey(
        access_key_id=identifier,
        user_name=user_name,
        account=account,
        created=created,
        last_used=used,
        used=max(created, used) >= since,
    )


def _user(user: User, keys: list[UsedKey], since: str) -> AccountPrincipal:
    last = max([user.password_used, *(key.last_used for key in keys)])
    return AccountPrincipal(
        principal_arn=user.arn,
        kind="user",
        name=user.name,
        created=user.created,
        last_used=last,
        used=max(last, user.created, user.password_made, *(key.created for key in keys)) >= since,
        console_password=bool(user.password_made),
    )


def _role(role: Role, since: str) -> AccountPrincipal:
    return AccountPrincipal(
        principal_arn=role.arn,
        kind="role",
        name=role.name,
        created=role.created,
        last_used=role.last_used,
        used=max(role.created, role.last_used) >= since,
    )
