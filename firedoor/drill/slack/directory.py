"""`users.*`, `usergroups.*`, `auth.test`: who is there. https://docs.slack.dev/reference/methods/users.info"""

from firedoor.drill.slack.call import Call
from firedoor.drill.slack.objects import group_object, user_object
from firedoor.drill.slack.refusal import Refusal
from firedoor.drill.slack.state import JSON, User
from firedoor.drill.slack.workspace import BOT_ID


def auth_test(call: Call) -> JSON:
    """Whose token it is."""
    team = call.workspace.own_team()
    answer: JSON = {
        "ok": True,
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "team_id": team.id,
        "user": call.workspace.users[call.token.user].name,
        "user_id": call.token.user,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }
    return answer | ({"enterprise_id": team.enterprise_id} if team.enterprise_id else {})


def user_info(call: Call) -> JSON:
    """One person."""
    return {"ok": True, "user": _shown(call, call.user())}


def user_list(call: Call) -> JSON:
    """Everybody of the workspace, deactivated people too; not the strangers of shared channels."""
    own = [one for one in call.workspace.users.values() if not one.is_foreign]
    page, cursor = call.page([_shown(call, one) for one in own])
    return {"ok": True, "members": page, "cache_ts": int(call.workspace.clock.now())} | cursor


def user_by_email(call: Call) -> JSON:
    """One person, found by address."""
    wanted = call.text("email", required=True).lower()
    for user in call.workspace.users.values():
        if user.email.lower() == wanted and not user.deleted and not user.is_foreign:
            return {"ok": True, "user": _shown(call, user)}
    raise Refusal("users_not_found")


def _shown(call: Call, user: User) -> JSON:
    return user_object(call.workspace, user, email="users:read.email" in call.token.scopes)


def group_list(call: Call) -> JSON:
    """The user groups; disabled ones on request."""
    groups = [one for one in call.workspace.groups.values() if not one.disabled or call.flag("include_disabled")]
    users, count = call.flag("include_users"), call.flag("include_count")
    return {"ok": True, "usergroups": [group_object(one, users=users, count=count) for one in groups]}


def group_members(call: Call) -> JSON:
    """The ids of a group's members. A group that has vanished is `no_such_subteam`."""
    group = call.workspace.groups.get(call.text("usergroup", required=True))
    if group is None or (group.disabled and not call.flag("include_disabled")):
        raise Refusal("no_such_subteam")
    return {"ok": True, "users": list(group.members)}
