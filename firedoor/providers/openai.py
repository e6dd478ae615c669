"""OpenAI: service-account keys, keys of users, admin keys.

Sources: openai/openai-openapi `openapi.json` (2026-08-21), paths `/organization/**` and `/models`.
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider, Setting

_MODELS = ByApi(call="GET /v1/models", note="free of charge; needs nothing but the key")
_USAGE = ByApi(call="GET /v1/organization/usage/completions?group_by[]=api_key_id,model", permission="api.usage.read")

PROVIDER = Provider(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com",
    docs="https://platform.openai.com/docs/api-reference/administration",
    settings={"admin_key": Setting(description="An admin key of the organization (sk-admin-…)", secret=True)},
    rate=5,
    burst=10,
    kinds=(
        Kind(
            name="service_account_key",
            title="service-account key",
            id_pattern=r"[A-Za-z0-9_-]{1,100}",
            value_pattern=r"sk-svcacct-[A-Za-z0-9_-]{20,}",
            scope="the id of the project, proj_…",
            scope_pattern=r"[A-Za-z0-9_-]{1,100}",
            inventory=ByApi(call="GET /v1/organization/projects/{project}/api_keys", permission="api.management.read"),
            verify=_MODELS,
            revoke=ByApi(
                call="DELETE /v1/organization/projects/{project}/service_accounts/{account}",
                permission="api.management.write",
                note="kills all keys of the service account: one service account for each consumer",
            ),
            create=ByApi(
                call="POST /v1/organization/projects/{project}/service_accounts", permission="api.management.write"
            ),
            usage=_USAGE,
        ),
        Kind(
            name="user_key",
            title="user key",
            id_pattern=r"[A-Za-z0-9_-]{1,100}",
            value_pattern=r"sk-proj-[A-Za-z0-9_-]{20,}",
            scope="the id of the project, proj_…",
            scope_pattern=r"[A-Za-z0-9_-]{1,100}",
            inventory=ByApi(call="GET /v1/organization/projects/{project}/api_keys", permission="api.management.read"),
            verify=_MODELS,
            revoke=ByApi(
                call="DELETE /v1/organization/projects/{project}/api_keys/{key}", permission="api.management.write"
            ),
            create=ByHand(
                steps="Ask {owner} to create a new secret key in project {scope}, or better: use a service account.",
                link="https://platform.openai.com/api-keys",
            ),
            usage=_USAGE,
            replacement="by_hand",
        ),
        Kind(
            name="admin_key",
            title="admin key",
            id_pattern=r"[A-Za-z0-9_-]{1,100}",
            value_pattern=r"sk-admin-[A-Za-z0-9_-]{20,}",
            inventory=ByApi(call="GET /v1/organization/admin_api_keys", permission="api.management.read"),
            verify=ByApi(call="GET /v1/organization/admin_api_keys?limit=1"),
            revoke=ByApi(
                call="DELETE /v1/organization/admin_api_keys/{key}",
                permission="api.management.write",
                note="never the one that firedoor works with",
            ),
            create=ByApi(call="POST /v1/organization/admin_api_keys", permission="api.management.write"),
            usage=Never(why="OpenAI reports no usage of admin keys; the audit log names their actions"),
        ),
    ),
)
