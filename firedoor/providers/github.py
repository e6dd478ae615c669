"""GitHub: tokens of people, installation tokens of apps, secrets of OAuth apps.

Source: @octokit/openapi 23.0.2 `api.github.com.json`, paths `/credentials/revoke`, `/installation/token`, `/user`.
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider

_TOKENS = "https://github.com/settings/tokens"

PROVIDER = Provider(
    name="github",
    title="GitHub",
    base_url="https://api.github.com",
    docs="https://docs.github.com/rest/credentials/revoke",
    rate=1,
    burst=30,
    kinds=(
        Kind(
            name="personal_access_token",
            title="personal access token",
            value_pattern=r"(ghp_|github_pat_|gho_|ghu_|ghr_)[A-Za-z0-9_]{20,}",
            scope="the user or organization",
            inventory=ByHand(
                steps="Fine-grained tokens: the organization's Settings → Personal access tokens → Active tokens. "
                "Classic ones only their owner sees.",
                link=_TOKENS,
            ),
            verify=ByApi(
                call="GET /user",
                note="403 is a limit as well, and tells nothing; of a refresh token (ghr_) nothing does",
            ),
            revoke=ByApi(
                call="POST /credentials/revoke",
                note="by the value alone and without authentication, up to 1,000 a call, 60 calls an hour; for good, "
                "and its owner gets a mail",
            ),
            create=ByHand(
                steps="Ask {owner} for a new fine-grained token named {name}, for the repositories that need it: "
                "Settings → Developer settings. Better: use a GitHub App.",
                link="https://github.com/settings/personal-access-tokens/new",
            ),
            usage=ByHand(
                steps="Search the audit log for the token: the organization's Settings → Audit log, "
                '`hashed_token:"…"` (the SHA-256 of the token in Base64).',
                link="https://docs.github.com/organizations/keeping-your-organization-secure",
            ),
            replacement="by_hand",
            batch=1000,
        ),
        Kind(
            name="installation_token",
            title="installation token of an app",
            value_pattern=r"ghs_[A-Za-z0-9_]{20,}",
            inventory=Never(why="GitHub lists no installation tokens; each ends after an hour"),
            verify=ByApi(call="GET /installation/repositories?per_page=1"),
            revoke=ByApi(call="DELETE /installation/token", note="with the token itself"),
            create=Never(why="an app makes another by itself; if its private key leaked, replace that"),
            usage=ByHand(
                steps="Search the audit log for the app: the organization's Settings → Audit log.",
                link="https://docs.github.com/organizations/keeping-your-organization-secure",
            ),
            replacement="by_hand",
        ),
        Kind(
            name="app_private_key",
            title="private key of an app",
            inventory=ByHand(
                steps="Look at the app's settings → Private keys.", link="https://github.com/settings/apps"
            ),
            verify=Never(why="a private key is tried by the app that signs with it"),
            revoke=ByHand(
                steps="Generate a new private key for the app {name}, give it to the app, then delete the old one: the "
                "app's settings → Private keys. An app must keep one.",
                link="https://github.com/settings/apps",
            ),
            create=ByHand(
                steps="Generate a new private key for the app {name}: the app's settings → Private keys.",
                link="https://github.com/settings/apps",
            ),
            usage=Never(why="GitHub's audit log names the app, not the key"),
            replacement="by_hand",
        ),
    ),
)
