"""Hugging Face: access tokens of users. Anybody who holds one can have it revoked; only its owner can make another.

Source: huggingface/hub-docs `security-tokens.md` and huggingface_hub (read 2026-11).
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Provider

_PAGE = "https://huggingface.co/settings/tokens"
#: It takes several with one call, and does not tell how many.
_BATCH = 100

PROVIDER = Provider(
    name="huggingface",
    title="Hugging Face",
    base_url="https://huggingface.co",
    docs="https://huggingface.co/docs/hub/security-tokens",
    rate=1,
    burst=5,
    kinds=(
        Kind(
            name="user_token",
            title="access token",
            value_pattern=r"hf_[A-Za-z0-9]{20,}",
            scope="the user or organization",
            inventory=ByHand(
                steps="Look at Settings → Access Tokens, or at the organization's Settings → Tokens Management.",
                link=_PAGE,
            ),
            verify=ByApi(call="GET /api/whoami-v2", note="strictly limited: one call proves a revocation, none polls"),
            revoke=ByApi(
                call="POST /api/credentials/revoke",
                note="by the value alone, without any permission; for good, everywhere, and its owner gets a mail",
            ),
            create=ByHand(
                steps="Ask {owner} for a new token named {name}, fine-grained, with only what is needed: "
                "Settings → Access Tokens → Create new token.",
                link=_PAGE,
            ),
            usage=ByHand(steps="Look for {name} in the organization's audit log: Settings → Audit Logs.", link=_PAGE),
            replacement="by_hand",
            polled=False,
            batch=_BATCH,
        ),
    ),
)
