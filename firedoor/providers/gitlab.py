"""GitLab: access tokens of projects and groups, and of people.

Source: docs.gitlab.com, `api/project_access_tokens`, `group_access_tokens`, `personal_access_tokens` (read 2026-11).
firedoor never calls `rotate`: on a token that is revoked already it revokes the whole family, the live one included.
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider, Setting

_NO_USE = Never(why="GitLab tells when a token was last used, not how much")
_SELF = ByApi(call="GET /api/v4/personal_access_tokens/self", note="with the token itself")
_OWNER = "a token of an owner with the scope api"


def _of(name: str, title: str, group: str) -> Kind:
    return Kind(
        name=name,
        title=title,
        id_pattern=r"\d{1,20}",
        value_pattern=r"glpat-[A-Za-z0-9_.-]{20,}",
        scope=f"the number of the {group.removesuffix('s')}",
        scope_pattern=r"\d{1,20}",
        inventory=ByApi(call=f"GET /api/v4/{group}/{{id}}/access_tokens", permission=_OWNER),
        verify=_SELF,
        revoke=ByApi(call=f"DELETE /api/v4/{group}/{{id}}/access_tokens/{{token}}", permission=_OWNER),
        create=ByApi(
            call=f"POST /api/v4/{group}/{{id}}/access_tokens",
            permission=_OWNER,
            note="with scopes and role of the old one; it ends as GitLab limits it",
        ),
        usage=_NO_USE,
    )


PROVIDER = Provider(
    name="gitlab",
    title="GitLab",
    base_url="https://gitlab.com",
    docs="https://docs.gitlab.com/api/project_access_tokens/",
    settings={"token": Setting(description="An access token of an owner, with the scope api", secret=True)},
    rate=5,
    burst=10,
    kinds=(
        _of("project_access_token", "project access token", "projects"),
        _of("group_access_token", "group access token", "groups"),
        Kind(
            name="personal_access_token",
            title="personal access token",
            id_pattern=r"\d{1,20}",
            value_pattern=r"glpat-[A-Za-z0-9_.-]{20,}",
            inventory=ByApi(
                call="GET /api/v4/personal_access_tokens",
                permission="an administrator's token lists all, anybody else's only their own",
            ),
            verify=_SELF,
            revoke=ByApi(
                call="DELETE /api/v4/personal_access_tokens/{id}, or /self with the token itself",
                note="anybody who holds it can have it revoked",
            ),
            create=ByHand(
                steps="Ask {owner} for a new token named {name}: Preferences → Access tokens. Better: a project's.",
                link="https://gitlab.com/-/user_settings/personal_access_tokens",
            ),
            usage=_NO_USE,
            replacement="by_hand",
        ),
    ),
)
