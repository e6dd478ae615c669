"""Braintrust: keys of users, tokens of service accounts; and what its customers store there: AI secrets and variables.

Source: braintrustdata/braintrust-openapi `openapi/spec.json` (2026-07-01).
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider, Setting

UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PROBE = ByApi(call="GET /v1/project?limit=1")
_NO_USE = Never(why="Braintrust reports no use of keys by its API")
_STORED = "Braintrust never shows a stored value: try it at the provider that it belongs to"
_PUT = "a value is put there by a rotation of the provider's own credential, into braintrust:…"

PROVIDER = Provider(
    name="braintrust",
    title="Braintrust",
    base_url="https://api.braintrust.dev",
    docs="https://www.braintrust.dev/docs/api-reference",
    settings={"api_key": Setting(description="A service token of an organization owner", secret=True)},
    rate=5,
    burst=10,
    kinds=(
        Kind(
            name="service_token",
            title="service token",
            id_pattern=UUID,
            scope="the id of the service account",
            scope_pattern=UUID,
            needs=("scope",),
            inventory=ByApi(call="GET /v1/service_token"),
            verify=_PROBE,
            revoke=ByApi(call="DELETE /v1/service_token/{id}"),
            create=ByApi(
                call="POST /v1/service_token",
                permission="a service token of an organization owner; keys of users are refused",
                note="never PUT: that replaces the token of the same name at once",
            ),
            usage=_NO_USE,
        ),
        Kind(
            name="api_key",
            title="user's API key",
            id_pattern=UUID,
            inventory=ByApi(call="GET /v1/api_key"),
            verify=_PROBE,
            revoke=ByApi(call="DELETE /v1/api_key/{id}"),
            create=ByHand(
                steps="Ask {owner} for a new API key named {name}: Settings → API keys. Better: use a service account.",
                link="https://www.braintrust.dev/app/settings?subroute=api-keys",
            ),
            usage=_NO_USE,
            replacement="by_hand",
        ),
        Kind(
            name="ai_secret",
            title="stored AI provider secret",
            id_pattern=UUID,
            inventory=ByApi(call="GET /v1/ai_secret", note="of the organization"),
            verify=Never(why=_STORED),
            revoke=ByApi(
                call="DELETE /v1/ai_secret/{id}", note="removes it from Braintrust; it lives on at its provider"
            ),
            create=Never(why=_PUT),
            usage=_NO_USE,
            replacement="by_hand",
        ),
        Kind(
            name="env_var",
            title="stored environment variable",
            id_pattern=UUID,
            scope="organization/ID, project/ID or function/ID",
            scope_pattern=rf"(organization|project|function)/{UUID}",
            inventory=ByApi(call="GET /v1/env_var", note="of the organization, its projects and functions"),
            verify=Never(why=_STORED),
            revoke=ByApi(
                call="DELETE /v1/env_var/{id}", note="removes it from Braintrust; it lives on at its provider"
            ),
            create=Never(why=_PUT),
            usage=_NO_USE,
            replacement="by_hand",
        ),
    ),
)
