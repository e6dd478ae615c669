"""Slack: tokens of bots, users and apps.

Source: slackapi/slack-api-specs `web-api/slack_web_openapi_v2.json`: `auth.test`, `auth.revoke`.
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Provider

_APPS = "https://api.slack.com/apps"

PROVIDER = Provider(
    name="slack",
    title="Slack",
    base_url="https://slack.com",
    docs="https://docs.slack.dev/reference/methods/auth.revoke",
    rate=1,
    burst=5,
    kinds=(
        Kind(
            name="token",
            title="token",
            value_pattern=r"xox[a-z]-[A-Za-z0-9-]{10,}",
            scope="the workspace",
            inventory=ByHand(steps="Look at Manage apps, and at each app's OAuth & Permissions.", link=_APPS),
            verify=ByApi(call="auth.test", note="status 200 with ok: false is dead only where its error says so"),
            revoke=ByApi(call="auth.revoke", note="with the token itself; for good"),
            create=ByHand(
                steps="Install the app {name} anew: OAuth & Permissions → Reinstall to Workspace. Then copy the token.",
                link=_APPS,
            ),
            usage=ByHand(steps="Look at the access logs, or the audit log of Enterprise Grid.", link=_APPS),
            replacement="by_hand",
        ),
    ),
)
