"""Datadog: API keys, application keys of service accounts and of users. `base_url` is `https://api.SITE`.

Sources: DataDog/datadog-api-client-python (2026-10): key management v2, `/api/v1/validate`.
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider, Setting

_ID = r"[A-Za-z0-9-]{8,64}"
_APPLICATION_KEYS = ByApi(call="GET /api/v2/application_keys", permission="org_app_keys_read")
_VALIDATE = ByApi(call="GET /api/v2/validate_keys", note="together with firedoor's own API key")
_DELETE = ByApi(
    call="DELETE /api/v2/application_keys/{id}", permission="org_app_keys_write", note="cannot be taken back"
)
_AUDIT = ByHand(
    steps="Look for the key {id} in the audit trail; Datadog reports no use by key.",
    link="https://app.datadoghq.com/audit-trail",
)

PROVIDER = Provider(
    name="datadog",
    title="Datadog",
    base_url="https://api.datadoghq.com",
    docs="https://docs.datadoghq.com/api/latest/key-management/",
    settings={
        "api_key": Setting(description="An API key of the organization", secret=True),
        "application_key": Setting(
            description="An application key, of a user or service account that manages keys", secret=True
        ),
        "scopes": Setting(
            description="What a new application key may do if the old one, whose scopes it would get, is deleted "
            "already: scopes with commas between. Empty: all that its service account may do"
        ),
    },
    rate=2,
    burst=5,
    kinds=(
        Kind(
            name="api_key",
            title="API key",
            id_pattern=_ID,
            value_pattern=r"[0-9a-f]{32}",
            inventory=ByApi(call="GET /api/v2/api_keys", permission="api_keys_read"),
            verify=ByApi(
                call="GET /api/v1/validate",
                note="a key of another site is refused like a dead one: base_url has to be that of the key's site",
            ),
            revoke=ByApi(
                call="DELETE /api/v2/api_keys/{id}", permission="api_keys_delete", note="cannot be taken back"
            ),
            create=ByApi(call="POST /api/v2/api_keys", permission="api_keys_write"),
            usage=_AUDIT,
        ),
        Kind(
            name="service_account_key",
            title="application key of a service account",
            id_pattern=_ID,
            value_pattern=r"(ddapp_)?[A-Za-z0-9]{34,40}",
            scope="the id of the service account",
            inventory=_APPLICATION_KEYS,
            verify=_VALIDATE,
            revoke=_DELETE,
            create=ByApi(
                call="POST /api/v2/service_accounts/{account}/application_keys",
                permission="service_account_write",
                note="the scopes are the old key's; where that is deleted already, those of the setting `scopes`",
            ),
            usage=_AUDIT,
        ),
        Kind(
            name="application_key",
            title="application key of a user",
            id_pattern=_ID,
            value_pattern=r"(ddapp_)?[A-Za-z0-9]{34,40}",
            scope="the id of the user",
            inventory=_APPLICATION_KEYS,
            verify=_VALIDATE,
            revoke=_DELETE,
            create=ByHand(
                steps="A key can do what its owner can, so {owner} has to create it, named {name}: "
                "Personal settings → Application keys → New key.",
                link="https://app.datadoghq.com/personal-settings/application-keys",
            ),
            usage=Never(why="Datadog reports no use by key; its audit trail names the user's actions"),
            replacement="by_hand",
        ),
    ),
)
