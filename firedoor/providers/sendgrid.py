"""SendGrid: API keys.

Sources: sendgrid/sendgrid-oai `tsg_api_keys_v3` (2026-08), docs.sendgrid.com (read 2026-11).
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Provider, Setting

PROVIDER = Provider(
    name="sendgrid",
    title="SendGrid",
    base_url="https://api.sendgrid.com",
    docs="https://www.twilio.com/docs/sendgrid/api-reference/api-keys",
    settings={
        "api_key": Setting(
            description="An API key (SG.…) that may manage API keys, and may do all that the keys it makes may",
            secret=True,
        ),
        "scopes": Setting(
            description="What a new key may do if the old one, whose scopes it would get, is deleted already",
            default="mail.send",
        ),
    },
    rate=5,
    burst=10,
    kinds=(
        Kind(
            name="api_key",
            title="API key",
            id_pattern=r"[A-Za-z0-9_-]{10,64}",
            value_pattern=r"SG\.[A-Za-z0-9_-]{10,64}\.[A-Za-z0-9_-]{20,}",
            inventory=ByApi(call="GET /v3/api_keys", permission="api_keys.read"),
            verify=ByApi(call="GET /v3/scopes", note="sends nothing; needs nothing but the key"),
            revoke=ByApi(
                call="DELETE /v3/api_keys/{id}",
                permission="api_keys.delete",
                note="takes effect after a small delay; cannot be taken back",
            ),
            create=ByApi(
                call="POST /v3/api_keys {name, scopes}",
                permission="api_keys.create",
                note="the scopes are the old key's; where that is deleted already, those of the setting `scopes`",
            ),
            usage=ByHand(
                steps="Look at Activity and Stats for mail that is not yours; SendGrid tells no key.",
                link="https://app.sendgrid.com/email_activity",
            ),
            lag=60,
        ),
    ),
)
