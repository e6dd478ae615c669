"""GitHub secret scanning: `secret_scanning_alert` and `secret_scanning_alert_location` of a webhook.

Format: https://docs.github.com/webhooks/webhook-events-and-payloads#secret_scanning_alert. It proves itself by
`X-Hub-Signature-256`, an HMAC-SHA256 of the raw body:
https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.

The key is repository, number, action and time of change, and where there is one the place. It is read from the body,
not from `X-GitHub-Delivery`, which nobody signs: whoever has caught a delivery could send it again under another one.
Only where the body has no time, as of old, that header stands in.

GitHub names the kind of secret and never the secret, so that there is no `credential`; the label `leak` (repository and
number) is a name for it. Severity: 9.0 for a secret that GitHub has found to work, 3.0 for one that it has found dead,
7.0 where it has not looked; one more, up to 10.0, for a living or unknown one that has leaked publicly. What GitHub
makes for trying this out (`github_test_token`) is a sample.

Answers: GitHub waits ten seconds, shows what was answered under "Recent Deliveries", and never sends again by itself.
"""

import json
from collections.abc import Mapping
from typing import Any

from firedoor.alerts._leak import leak
from firedoor.alerts._proofs import signed
from firedoor.alerts._reading import Reader, part, texts
from firedoor.alerts._shapes import AWS_KEY
from firedoor.alerts._source import Headers, Lock, Parsed
from firedoor.canonical import sha256_hex

NAME = "github"
EVENTS = ("secret_scanning_alert", "secret_scanning_alert_location")
READER = Reader(
    "a secret scanning event of GitHub",
    "Have GitHub send the events secret_scanning_alert and secret_scanning_alert_location, as application/json.",
)
SAMPLE = "github_test_token"
SEVERITIES = {"active": 9.0, "inactive": 3.0}
#: Where GitHub has not looked whether the secret works.
UNKNOWN = 7.0
#: GitHub's secret types, as it publishes them, by provider: github/docs, `src/secret-scanning/data/pattern-docs`.
TYPES: dict[str, tuple[str, ...]] = {
    "anthropic": ("anthropic_admin_api_key", "anthropic_api_key", "anthropic_session_id"),
    "aws": (
        "aws_access_key_id",
        "aws_api_key",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_temporary_access_key_id",
    ),
    "azure_openai": ("azure_openai_key",),
    "cloudflare": ("cloudflare_account_api_token", "cloudflare_global_user_api_key", "cloudflare_user_api_token"),
    "cohere": ("cohere_api_key",),
    "datadog": ("datadog_api_key", "datadog_app_key"),
    "github": (
        "github_app_installation_access_token",
        "github_oauth_access_token",
        "github_personal_access_token",
        "github_refresh_token",
        "github_ssh_private_key",
    ),
    "gitlab": (
        "gitlab_access_token",
        "gitlab_ci_build_token",
        "gitlab_deploy_token",
        "gitlab_oauth_app_secret",
        "gitlab_pipeline_trigger_token",
        "gitlab_runner_auth_token",
        "gitlab_runner_registration_token",
        "gitlab_scim_oauth_token",
    ),
    "google": (
        "google_api_key",
        "google_cloud_service_account_credentials",
        "google_gcp_api_key_bound_service_account",
        "google_gemini_api_key",
    ),
    "groq": ("groq_api_key",),
    "huggingface": ("hf_org_api_key", "hf_user_access_token"),
    "mistral": ("mistral_ai_api_key",),
    "npm": ("npm_access_token",),
    "openai": ("openai_api_key",),
    "openrouter": ("openrouter_api_key",),
    "pagerduty": ("pagerduty_oauth_secret", "pagerduty_oauth_token"),
    "sendgrid": ("sendgrid_api_key",),
    "slack": ("slack_api_token", "slack_incoming_webhook_url", "slack_workflow_webhook_url"),
    "stripe": (
        "stripe_api_key",
        "stripe_legacy_api_key",
        "stripe_live_restricted_key",
        "stripe_test_restricted_key",
        "stripe_test_secret_key",
    ),
    "twilio": ("twilio_access_token", "twilio_api_key"),
}
PROVIDERS = {kind: provider for provider, kinds in TYPES.items() for kind in kinds}
#: Members of the alert that become labels.
LABELS = frozenset(
    {"state", "resolution", "validity", "publicly_leaked", "multi_repo", "push_protection_bypassed", "secret_type"}
)


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """`X-Hub-Signature-256: sha256=HEX`. Raises `UnauthenticatedError`."""
    signature = headers.get("x-hub-signature-256", "")
    signed(lock, [signature.removeprefix("sha256=")] if signature.startswith("sha256=") else [], body)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert of one event. Without headers, what it holds tells which. Raises `UsageError`."""
    event = READER.object(body)
    name = headers.get("x-github-event", "")
    if name == "ping" or (not name and "zen" in event):
        return Parsed(key=_delivery(headers, body), note="GitHub tries whether the webhook is reached.")
    if name and name not in EVENTS:
        return Parsed(key=_delivery(headers, body), note=f"The event {name} says nothing of a secret.")
    return _parsed(headers, body, event)


def _parsed(headers: Headers, body: bytes, event: dict[str, Any]) -> Parsed:
    given, details = part(event, "alert"), part(event, "location", "details")
    repository, action = READER.needed(event, "repository", "full_name"), READER.needed(event, "action")
    kind, number = READER.needed(given, "secret_type"), given.get("number")
    if not isinstance(number, int) or isinstance(number, bool):
        READER.wrong("it has no `alert.number`")
    changed = READER.text(given, "updated_at")
    labels = _labels(event, given, details)
    secret = READER.text(given, "secret")
    access_key_id = secret if AWS_KEY.fullmatch(secret) else ""
    title = READER.text(given, "secret_type_display_name") or kind
    alert = READER.alert(
        source=NAME,
        id=f"{repository}#{number}",
        type=kind,
        title=f"{title} in {repository}",
        description=f"Secret scanning alert {number}: {action}",
        severity=_severity(given),
        provider=PROVIDERS.get(kind, ""),
        credential=access_key_id,
        access_key_id=access_key_id,
        resource=repository,
        sample=kind == SAMPLE,
        resolved=action in ("resolved", "revoked") or bool(given.get("resolution")) or given.get("state") == "resolved",
        first_seen=READER.text(given, "created_at"),
        last_seen=changed,
        url=READER.text(given, "html_url"),
        labels=labels,
        raw=event,
    )
    place = f"/{sha256_hex(json.dumps(details, sort_keys=True).encode())[:16]}" if details else ""
    return Parsed(key=f"{alert.id}/{action}/{changed or _delivery(headers, body)}{place}", alerts=(alert,))


def _labels(event: Mapping[str, Any], alert: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, str]:
    repository = part(event, "repository")
    labels = texts({name: value for name, value in alert.items() if name in LABELS})
    found = {
        "leak": leak(f"{repository.get('full_name')}-{alert.get('number')}"),
        "repository": repository.get("full_name"),
        "visibility": repository.get("visibility"),
        "action": event.get("action"),
        "file": details.get("path"),
        "line": details.get("start_line"),
        "commit": details.get("commit_sha"),
        "place": part(event, "location").get("type"),
    }
    return labels | texts(found)


def _severity(alert: Mapping[str, Any]) -> float:
    validity = alert.get("validity")
    severity = SEVERITIES.get(validity, UNKNOWN) if isinstance(validity, str) else UNKNOWN
    leaked = alert.get("publicly_leaked") is True and severity >= UNKNOWN
    return severity + 1.0 if leaked else severity


def _delivery(headers: Headers, body: bytes) -> str:
    return headers.get("x-github-delivery", "") or sha256_hex(body)
