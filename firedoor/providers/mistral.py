"""Mistral: API keys of workspaces, keys of Vibe and Mistral Code, Admin API keys.

Sources: mistralai/platform-docs-public `openapi-public-doc.yaml` (2026-08-21), `/v1/admin/api-keys`, `/v1/models`; the
reference page of `/v1/admin/users`; docs.mistral.ai, "API keys" and "Admin API" (read 2026-11). The Admin API is a
preview, of Enterprise plans only.
"""

from firedoor.providers._console import by_console
from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider, Setting

_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ADMIN = "an Admin API key; no other key is let in, whosever it is"
_KEYS = "https://admin.mistral.ai/plateforme/api-keys"
_INVENTORY = ByApi(call="GET /v1/admin/api-keys", permission=_ADMIN, note="days only: of its last use, of its end")
_REVOKE = ByApi(
    call="DELETE /v1/admin/api-keys/{id}", permission=_ADMIN, note="Mistral disables nothing; it cannot be taken back"
)
_USAGE = ByHand(
    steps="Mistral counts by month and workspace, never by key. Look at the use of the workspace {scope}, and at the "
    "audit log for what else was done.",
    link="https://admin.mistral.ai/organization/usage",
)

PROVIDER = Provider(
    name="mistral",
    title="Mistral",
    base_url="https://api.mistral.ai",
    docs="https://docs.mistral.ai/api/endpoint/beta/admin/api-keys",
    settings={
        "admin_key": Setting(
            description="An Admin API key of the organization, which Enterprise plans have", secret=True
        ),
        "user_id": Setting(description="The user, by UUID, whose a new key shall be where Mistral tells no owner"),
        "days": Setting(
            description="How many days a new key lives where the old one is deleted by then, and with it its end; "
            "empty: without an end, or as the organization's policy has it"
        ),
    },
    rate=5,
    burst=10,
    kinds=(
        Kind(
            name="api_key",
            title="API key",
            id_pattern=_UUID,
            value_pattern=r"[A-Za-z0-9]{32,}",
            scope="the id of the workspace, a UUID",
            scope_pattern=_UUID,
            inventory=_INVENTORY,
            verify=ByApi(call="GET /v1/models", note="free of charge; needs nothing but the key"),
            revoke=_REVOKE,
            create=ByApi(
                call="POST /v1/admin/api-keys",
                permission=_ADMIN,
                note="in the same workspace, of the same user (`owner`: a UUID, or the e-mail of a member), for as "
                "many days; a policy of the organization may shorten that, and says nothing; which connectors it "
                "reaches cannot be said",
            ),
            usage=_USAGE,
            needs=("scope", "owner"),
        ),
        Kind(
            name="product_key",
            title="key of Vibe or Mistral Code",
            id_pattern=_UUID,
            scope="the id of the workspace, a UUID",
            scope_pattern=_UUID,
            inventory=_INVENTORY,
            verify=Never(why="the API refuses it also while it lives: only its product accepts it"),
            revoke=_REVOKE,
            create=ByHand(steps="Ask {owner} for a new key named {name}: Admin → API → API keys.", link=_KEYS),
            usage=_USAGE,
            replacement="by_hand",
        ),
        by_console(
            "admin_key",
            "Admin API key",
            ByApi(call="GET /v1/admin/workspaces?page_size=1"),
            page="Admin → the organization → Admin API keys",
            link="https://admin.mistral.ai",
        ),
    ),
)
