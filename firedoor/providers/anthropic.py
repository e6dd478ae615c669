"""Anthropic: API keys and admin keys.

Sources: the Admin API's reference and anthropic-sdk-python (`/v1/organizations/api_keys`, read 2026-11).
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider, Setting

_ADMIN = "an admin key (sk-ant-admin…), which only an organization's admin can make"

PROVIDER = Provider(
    name="anthropic",
    title="Anthropic",
    base_url="https://api.anthropic.com",
    docs="https://docs.claude.com/en/api/administration-api",
    settings={"admin_key": Setting(description="An admin key of the organization (sk-ant-admin…)", secret=True)},
    rate=5,
    burst=10,
    kinds=(
        Kind(
            name="api_key",
            title="API key",
            id_pattern=r"apikey_[A-Za-z0-9]{1,100}",
            value_pattern=r"sk-ant-api\d\d-[A-Za-z0-9_-]{20,}",
            scope="the id of the workspace, wrkspc_…",
            inventory=ByApi(call="GET /v1/organizations/api_keys", permission=_ADMIN),
            verify=ByApi(call="GET /v1/models", note="free of charge; needs nothing but the key"),
            revoke=ByApi(
                call="POST /v1/organizations/api_keys/{id} {status: inactive}",
                permission=_ADMIN,
                note="can be made active again; there is no delete, only archived",
            ),
            create=ByHand(
                steps="Create a key named {name}, in the workspace {scope}, if any: Settings → API keys → Create key.",
                link="https://platform.claude.com/settings/keys",
            ),
            usage=ByApi(
                call="GET /v1/organizations/usage_report/messages", permission=_ADMIN, note="tokens, not requests"
            ),
            replacement="by_hand",
            reversible=True,
        ),
        Kind(
            name="admin_key",
            title="admin key",
            id_pattern=r"[A-Za-z0-9_-]{1,100}",
            value_pattern=r"sk-ant-admin\d\d-[A-Za-z0-9_-]{20,}",
            inventory=ByHand(
                steps="Look at Settings → Admin keys.", link="https://platform.claude.com/settings/admin-keys"
            ),
            verify=ByApi(call="GET /v1/organizations/me"),
            revoke=ByHand(
                steps="Delete the admin key {name}: Settings → Admin keys.",
                link="https://platform.claude.com/settings/admin-keys",
            ),
            create=ByHand(
                steps="Create an admin key named {name}: Settings → Admin keys.",
                link="https://platform.claude.com/settings/admin-keys",
            ),
            usage=Never(why="Anthropic reports no usage of admin keys; the compliance feed names their actions"),
            replacement="by_hand",
        ),
    ),
)
