"""GitGuardian incidents, by a custom webhook.

Format and proof: https://docs.gitguardian.com/platform/monitor-perimeter/notifiers-integrations/custom-webhook.
`Gitguardian-Signature` is `sha256=` and the HMAC-SHA256 of the raw body; its key is the value of the header `Timestamp`
followed by the signature token. GitGuardian asks to refuse what is more than a few seconds old; clocks differ, and it
sends once and never again, so that here it is a minute.

The key is the incident, what happened to it and when: GitGuardian numbers incidents, not deliveries. It sends hashes of
a secret and never the secret, so that there is no `credential`; the label `leak` (the incident's number) is a name.

Severity: what GitGuardian says (critical 9.0, high 7.0, medium 5.0, low 3.0, info 1.0, unknown 5.0); at least 8.0 for a
secret that it has found to work, one more, up to 10.0, if it is exposed publicly; at most 3.0 for one that is dead.

Answers: GitGuardian sends once, and never again whatever is answered.
"""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from firedoor.alerts._leak import leak
from firedoor.alerts._proofs import fresh, required, signed
from firedoor.alerts._reading import Reader, part, texts
from firedoor.alerts._source import Headers, Lock, Parsed
from firedoor.canonical import sha256_hex

NAME = "gitguardian"
WINDOW = timedelta(minutes=1)
READER = Reader("an event of GitGuardian", "Have a custom webhook of GitGuardian send the events of incidents.")
SEVERITIES = {"critical": 9.0, "high": 7.0, "medium": 5.0, "low": 3.0, "info": 1.0}
UNKNOWN, ALIVE, DEAD = 5.0, 8.0, 3.0
#: How the names of GitGuardian's detectors begin, by provider. A longer one counts before a shorter one.
DETECTORS: dict[str, tuple[str, ...]] = {
    "anthropic": ("anthropic", "claude"),
    "aws": ("aws",),
    "azure_openai": ("azure_openai",),
    "braintrust": ("braintrust",),
    "cloudflare": ("cloudflare",),
    "cohere": ("cohere",),
    "datadog": ("datadog",),
    "github": ("github",),
    "gitlab": ("gitlab",),
    "google": ("google_api", "google_cloud", "google_gemini", "gcp"),
    "groq": ("groq",),
    "huggingface": ("huggingface", "hugging_face"),
    "mistral": ("mistral",),
    "npm": ("npm",),
    "openai": ("openai",),
    "openrouter": ("openrouter",),
    "pagerduty": ("pagerduty",),
    "scaleai": ("scale_ai", "scaleai"),
    "sendgrid": ("sendgrid",),
    "slack": ("slack", "slackbot"),
    "stripe": ("stripe",),
    "together": ("together_ai", "togetherai"),
    "twilio": ("twilio",),
}
PREFIXES = {prefix: provider for provider, prefixes in DETECTORS.items() for prefix in prefixes}
#: Members of the incident that become labels.
LABELS = frozenset({"status", "validity", "secret_revoked", "severity", "ignore_reason", "regression", "secret_hash"})


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """The HMAC of the body with the time and the token as its key. Raises `UnauthenticatedError`."""
    moment = headers.get("timestamp", "")
    signature = headers.get("gitguardian-signature", "")
    keys = tuple(SecretStr(f"{moment}{secret.get_secret_value()}") for secret in required(lock))
    given = [signature.removeprefix("sha256=")] if signature.startswith("sha256=") else []
    signed(dataclasses.replace(lock, secrets=keys), given, body)
    fresh(lock, _seconds(moment), WINDOW)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert of one incident; none for an event about something else. Raises `UsageError`."""
    event = READER.object(body)
    action = READER.needed(event, "action")
    incident = part(event, "incident")
    if not incident:
        return Parsed(key=sha256_hex(body), note=f"The event {action} is not about a leaked secret.")
    number = incident.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        READER.wrong("it has no `incident.id`")
    kind = READER.needed(incident, "detector", "name")
    moment = READER.text(event, "timestamp")
    status = READER.text(incident, "status").lower()
    count = incident.get("occurrence_count", incident.get("occurrences_count"))
    occurrence = part(event, "occurrence")
    labels = _labels(incident, occurrence, kind, action)
    title = READER.text(incident, "detector", "display_name") or kind
    alert = READER.alert(
        source=NAME,
        id=str(number),
        type=kind,
        title=f"{title} in {labels['repository']}" if "repository" in labels else title,
        description=READER.text(event, "message"),
        severity=_severity(incident, public=labels["publicly_leaked"] == "true"),
        provider=_provider(kind),
        resource=labels.get("repository", ""),
        archived=status == "ignored" or action == "incident_ignored",
        resolved=status == "resolved" or action == "incident_resolved",
        first_seen=READER.text(incident, "date"),
        last_seen=moment,
        count=1 if count is None else count,
        url=READER.text(incident, "gitguardian_url"),
        labels=labels,
        raw=event,
    )
    return Parsed(key=f"{number}/{action}/{moment}", alerts=(alert,))


def _labels(incident: Mapping[str, Any], occurrence: Mapping[str, Any], kind: str, action: str) -> dict[str, str]:
    given = incident.get("tags")
    tags = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    found = {
        "leak": leak(f"gitguardian-{incident.get('id')}"),
        "action": action,
        "secret_type": kind,
        "publicly_leaked": any("PUBLIC" in one.upper() for one in tags),
        "repository": part(occurrence, "source").get("full_name"),
        "file": occurrence.get("filepath"),
        "commit": occurrence.get("sha"),
    }
    return texts({name: value for name, value in incident.items() if name in LABELS}) | texts(found)


def _severity(incident: Mapping[str, Any], *, public: bool) -> float:
    given, validity = incident.get("severity"), incident.get("validity")
    severity = SEVERITIES.get(given, UNKNOWN) if isinstance(given, str) else UNKNOWN
    if validity == "invalid" or incident.get("secret_revoked") is True:
        return min(severity, DEAD)
    if validity == "valid":
        severity = max(severity, ALIVE)
    return min(severity + 1.0, 10.0) if public else severity


def _provider(kind: str) -> str:
    found = [prefix for prefix in PREFIXES if kind == prefix or kind.startswith(f"{prefix}_")]
    return PREFIXES[max(found, key=len)] if found else ""


def _seconds(given: str) -> str:
    """A time in ISO 8601 as Unix seconds; anything else as it is. GitGuardian does not say which it sends."""
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        return given
    return str((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
