"""OpenRouter: API keys and management keys.

Sources: OpenRouterTeam/typescript-sdk `.speakeasy/in.openapi.yaml` (2026-08-22), `/keys`, `/key`, `/activity`, and the
reference page of `/workspaces`.
"""

from firedoor.providers._console import by_console
from firedoor.providers._provider import ByApi, Kind, Provider, Setting

_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_MANAGEMENT = "a management key"
_VERIFY = ByApi(call="GET /api/v1/key", note="free of charge; needs nothing but the key")

PROVIDER = Provider(
    name="openrouter",
    title="OpenRouter",
    base_url="https://openrouter.ai",
    docs="https://openrouter.ai/docs/api/api-reference/api-keys/list",
    settings={"management_key": Setting(description="A management key; it cannot call models", secret=True)},
    rate=5,
    burst=10,
    kinds=(
        Kind(
            name="api_key",
            title="API key",
            id_pattern=r"[0-9a-f]{64}",
            value_pattern=r"sk-or-v1-[A-Za-z0-9]{32,}",
            scope="the id of the workspace, a UUID",
            scope_pattern=_UUID,
            inventory=ByApi(call="GET /api/v1/keys", permission=_MANAGEMENT, note="of each workspace"),
            verify=_VERIFY,
            revoke=ByApi(
                call="PATCH /api/v1/keys/{hash} {disabled: true}",
                permission=_MANAGEMENT,
                note="can be enabled again",
            ),
            create=ByApi(
                call="POST /api/v1/keys",
                permission=_MANAGEMENT,
                note="in the same workspace, with the same spending limit and end",
            ),
            usage=ByApi(call="GET /api/v1/activity", permission=_MANAGEMENT, note="only days that are over, in UTC"),
            reversible=True,
        ),
        by_console(
            "management_key",
            "management key",
            _VERIFY,
            page="Settings → Management keys",
            link="https://openrouter.ai/settings/management-keys",
        ),
    ),
)
