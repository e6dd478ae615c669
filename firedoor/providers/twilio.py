"""Twilio: API keys, and the auth token of an account.

Source: twilio/twilio-oai `twilio_api_v2010.json` (read 2026-11): `/2010-04-01/Accounts/{AccountSid}/Keys.json`.
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider, Setting

_ADMIN = "the account's auth token, or a main API key"

PROVIDER = Provider(
    name="twilio",
    title="Twilio",
    base_url="https://api.twilio.com",
    docs="https://www.twilio.com/docs/iam/api-keys",
    settings={
        "account": Setting(description="The account's SID, AC…"),
        "auth_token": Setting(description="Its auth token, or SID:SECRET of a main API key", secret=True),
    },
    rate=5,
    burst=10,
    kinds=(
        Kind(
            name="api_key",
            title="API key",
            id_pattern=r"SK[0-9a-f]{32}",
            inventory=ByApi(call="GET /2010-04-01/Accounts/{account}/Keys.json", permission=_ADMIN),
            verify=ByApi(
                call="GET /2010-04-01/Accounts/{account}/Messages.json?PageSize=1", note="the value is SID:SECRET"
            ),
            revoke=ByApi(call="DELETE /2010-04-01/Accounts/{account}/Keys/{id}.json", permission=_ADMIN),
            create=ByApi(
                call="POST /2010-04-01/Accounts/{account}/Keys.json",
                permission=_ADMIN,
                note="a standard key; its value is stored as SID:SECRET",
            ),
            usage=Never(why="Twilio reports use by account, not by key"),
        ),
        Kind(
            name="auth_token",
            title="auth token",
            inventory=Never(why="every account has one, and for a rotation a second"),
            verify=ByApi(call="GET /2010-04-01/Accounts/{account}/Messages.json?PageSize=1"),
            revoke=ByHand(
                steps="Create a secondary auth token, give it to all who use the account, then promote it: the old one "
                "dies at once. Account → API keys & tokens.",
                link="https://console.twilio.com/us1/account/keys-credentials/api-keys",
            ),
            create=ByHand(
                steps="Create a secondary auth token: Account → API keys & tokens.",
                link="https://console.twilio.com/us1/account/keys-credentials/api-keys",
            ),
            usage=Never(why="Twilio reports use by account, not by token"),
            replacement="by_hand",
        ),
    ),
)
