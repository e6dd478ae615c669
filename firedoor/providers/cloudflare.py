"""Cloudflare: API tokens of a user, and of an account.

Sources: cloudflare/cloudflare-python (2026-10) `user.tokens`, `accounts.tokens`.
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Provider, Setting

_LINK = "https://dash.cloudflare.com/?to=/:account/audit-log"
_NOTE = "policies, conditions and expiry are the old token's"


def _kind(name: str, title: str, path: str, scope: str, group: str) -> Kind:
    return Kind(
        name=name,
        title=title,
        id_pattern=r"[A-Za-z0-9]{10,64}",
        value_pattern=r"[A-Za-z0-9_-]{40,}",
        scope=scope,
        scope_pattern=r"[A-Za-z0-9]{10,64}",
        inventory=ByApi(call=f"GET {path}", permission=f"{group} Read"),
        verify=ByApi(call=f"GET {path}/verify", note="needs nothing but the token"),
        revoke=ByApi(
            call=f"PUT {path}/{{id}} {{status: disabled}}", permission=f"{group} Edit", note="can be made active again"
        ),
        create=ByApi(call=f"POST {path}", permission=f"{group} Edit, and all that the old token may do", note=_NOTE),
        usage=ByHand(steps="Look at what the token {name} did: Manage account → Audit log.", link=_LINK),
        reversible=True,
    )


PROVIDER = Provider(
    name="cloudflare",
    title="Cloudflare",
    base_url="https://api.cloudflare.com",
    docs="https://developers.cloudflare.com/api/resources/user/subresources/tokens/",
    settings={"api_token": Setting(description="An API token that may manage API tokens", secret=True)},
    rate=2,
    burst=10,
    kinds=(
        _kind("user_token", "API token of a user", "/client/v4/user/tokens", "", "API Tokens"),
        _kind(
            "account_token",
            "API token of an account",
            "/client/v4/accounts/{account}/tokens",
            "the id of the account",
            "Account API Tokens",
        ),
    ),
)
