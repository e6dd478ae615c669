"""TruffleHog: what `trufflehog --json` writes, one result a line, one or many in a delivery.

Format: `PrintJSON` in https://github.com/trufflesecurity/trufflehog/blob/main/pkg/output/json.go. It is the output of a
command, and nothing signs it: whoever posts it shows a secret of the door in a header,

    trufflehog git URL --json | curl -H "Authorization: Bearer …" --data-binary @- https://…/hooks/trufflehog

**The live secret is in it**: in `Raw` and `RawV2`, in parts in `SecretParts` and `StructuredData`, for some detectors
in `Redacted`, `ExtraData` or the address in `VerificationError`. `Parsed.kept` is what may be stored: of `Raw` and
`RawV2` the fingerprint, of the other fields those that are known to tell no secret, and in none of these a part of it.
To read `kept` gives the same as to read the original.

The key is detector, fingerprint and whether the secret was found to work, of every result: the same secret found in
another place is nothing new, the same secret found to work is. Severity: 9.0 for one that works, 6.0 where TruffleHog
could not find out, 4.0 for the rest. A canary token, which its owner has laid out to be found, is a sample. The label
`leak` (detector and fingerprint) is a name for what has no id.

Answers: whoever posts the output sees them; `curl --retry` tries 5xx again.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from firedoor.alerts import _proofs
from firedoor.alerts._alert import Alert
from firedoor.alerts._leak import leak
from firedoor.alerts._reading import MOST_BYTES, Reader, part, texts
from firedoor.alerts._secrets import fingerprint, scrubbed
from firedoor.alerts._shapes import AWS_KEY, FINGERPRINT, REMOVED
from firedoor.alerts._source import Headers, Lock, Parsed
from firedoor.canonical import sha256_hex

NAME = "trufflehog"
NEXT = "Post what `trufflehog … --json` writes to its standard output, as it is."
READER = Reader("the output of trufflehog --json", NEXT)
#: As many as 2 MB of results with their places are.
MOST_RESULTS = 5_000
#: Detectors by provider, as `proto/detector_type.proto` names them.
DETECTORS: dict[str, tuple[str, ...]] = {
    "anthropic": ("Anthropic",),
    "aws": ("AWS", "AWSSessionKey"),
    "azure_openai": ("AzureOpenAI",),
    "braintrust": ("BrainTrustApiKey",),
    "cloudflare": ("CloudflareApiToken", "CloudflareCaKey", "CloudflareGlobalApiKey"),
    "datadog": ("DatadogApikey", "DatadogToken"),
    "github": ("GitHubApp", "GitHubOauth2", "Github"),
    "gitlab": ("Gitlab",),
    "google": ("GCP", "GCPApplicationDefaultCredentials", "GoogleApiKey", "GoogleGeminiAPIKey"),
    "groq": ("Groq",),
    "huggingface": ("HuggingFace",),
    "mistral": ("Mistral",),
    "npm": ("NpmToken",),
    "openai": ("OpenAI", "OpenAIAdmin"),
    "pagerduty": ("PagerDutyApiKey",),
    "sendgrid": ("SendGrid",),
    "slack": ("Slack", "SlackWebhook"),
    "stripe": ("Stripe",),
    "twilio": ("Twilio", "TwilioApiKey"),
}
PROVIDERS = {detector: provider for provider, detectors in DETECTORS.items() for detector in detectors}
#: What of a result is kept besides its secret's fingerprint and where it was found.
KEPT = ("DecoderName", "DetectorDescription", "DetectorName", "DetectorType", "SourceName", "SourceType", "Verified")
#: What of `ExtraData` is kept: names and numbers of accounts, links to guides.
EXTRA = (
    *("account", "arn", "is_canary", "key_type", "message", "name", "project", "resource_type", "rotation_guide"),
    *("team", "team_id", "user_id", "version"),
)
#: What of the place is a label; the rest is in `raw`.
LABELS = ("repository", "file", "line", "commit", "bucket", "image", "timestamp")
SERVICE_ACCOUNT = re.compile(r"[a-z0-9-]{1,100}@[a-z0-9.-]{1,120}\.gserviceaccount\.com")
REPOSITORY = re.compile(r"https?://[^/]+/([^?#]+)")
#: A shorter part of a secret is not looked for elsewhere: it occurs by chance.
SHORTEST = 4
#: No detector splits a secret into more than five.
MOST_PARTS = 64
ALIVE, DOUBTFUL, UNVERIFIED = 9.0, 6.0, 4.0


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if a header shows a secret of the lock. Raises `UnauthenticatedError`."""
    _proofs.shared(lock, headers)


def parse(headers: Headers, body: bytes) -> Parsed:
    """An alert for each secret, however often it was found. Raises `UsageError`, which tells nothing of the body."""
    results: list[dict[str, Any]] = scrubbed([_clean(result) for result in _results(body)])
    kept = b"\n".join(json.dumps(one, separators=(",", ":")).encode() for one in results)
    if not results:
        return Parsed(key=sha256_hex(kept), note="TruffleHog found nothing.", kept=kept)
    alerts: dict[str, Alert] = {}
    for result in results:
        alert = _alert(result)
        before = alerts.get(alert.id, alert)
        count = before.count + 1 if alert.id in alerts else 1
        worse = alert if alert.severity > before.severity else before
        alerts[alert.id] = worse.model_copy(update={"count": count})
    keys = sorted(f"{one.id}/{one.labels['validity']}" for one in alerts.values())
    key = keys[0] if len(keys) == 1 else sha256_hex("\n".join(keys).encode())
    return Parsed(key=key, alerts=tuple(alerts.values()), kept=kept)


def _results(body: bytes) -> Iterator[dict[str, Any]]:
    """The results: one a line, or in a list. Lines of TruffleHog's own log are left out."""
    if len(body) > MOST_BYTES:
        READER.wrong(f"it has {len(body):,} bytes, more than {MOST_BYTES:,}")
    given: Iterable[dict[str, Any]]
    if body.lstrip()[:1] == b"[":
        listed: list[Any] = READER.json(body)
        if not all(isinstance(one, dict) for one in listed):
            READER.wrong("not every member of the list is an object")
        given = listed
    else:
        lines = ((number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip())
        given = (Reader(f"a result of trufflehog --json, line {number}", NEXT).object(line) for number, line in lines)
    found = (one for one in given if "DetectorName" in one or "msg" not in one)
    for number, one in enumerate(found, 1):
        if number > MOST_RESULTS:
            READER.wrong(f"it holds more than {MOST_RESULTS:,} results; post it in several parts")
        yield one


def _clean(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result as it may be stored."""
    READER.needed(result, "DetectorName")
    raw, both = READER.text(result, "Raw"), READER.text(result, "RawV2")
    if not (raw or both):
        READER.wrong("a result has neither `Raw` nor `RawV2`")
    data = part(result, "SourceMetadata", "Data")
    extra = part(result, "ExtraData")
    parts = _parts(result, raw, both)
    clean = {
        **{name: result[name] for name in KEPT if isinstance(result.get(name), str | int)},
        "ExtraData": {name: extra[name] for name in EXTRA if isinstance(extra.get(name), str)},
        "SourceMetadata": {
            "Data": {kind: _scalars(place) for kind, place in data.items() if isinstance(place, dict)},
        },
        "VerificationError": REMOVED if result.get("VerificationError") else "",
    }
    hidden: dict[str, Any] = _hidden(clean, parts)
    public = next((one for one in (result.get("Redacted"), raw) if isinstance(one, str) and _public(one)), "")
    return hidden | {
        "DetectorName": result["DetectorName"],
        "Raw": _print(raw),
        "RawV2": _print(both),
        "Redacted": public,
    }


def _parts(result: Mapping[str, Any], raw: str, both: str) -> list[str]:
    """Every text that is the secret, or a part of it; longer ones first."""
    halves = both.split(raw) if raw else []
    found = {raw, both, *(one.strip(":") for one in halves), *_leaves(result.get("SecretParts"))}
    found |= set(_leaves(result.get("StructuredData")))
    if len(found) > MOST_PARTS:
        READER.wrong(f"a result has a secret in more than {MOST_PARTS} parts")
    secret = [one for one in found if len(one) >= SHORTEST and not _public(one) and not FINGERPRINT.fullmatch(one)]
    # Also as they stand in a URL.
    written = {*secret, *(quote(one, safe="", errors="surrogatepass") for one in secret)}
    return sorted(written, key=lambda one: (-len(one), one))


def _leaves(value: Any) -> Iterator[str]:
    """The texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)


def _hidden(value: Any, parts: list[str]) -> Any:
    """A JSON value without the parts of the secret."""
    if isinstance(value, str):
        for one in parts:
            value = value.replace(one, REMOVED)
        return value
    if isinstance(value, dict):
        return {_hidden(name, parts): _hidden(one, parts) for name, one in value.items()}
    return value


def _alert(result: dict[str, Any]) -> Alert:
    """The alert of a clean result."""
    detector, verified = result["DetectorName"], result.get("Verified") is True
    places: dict[str, dict[str, Any]] = result["SourceMetadata"]["Data"]
    kind, place = next(iter(places.items()), ("", dict[str, Any]()))
    labels = texts({name: place[name] for name in LABELS if name in place})
    repository = _repository(labels.get("repository", ""))
    extra, public = result["ExtraData"], result["Redacted"]
    key = public if AWS_KEY.fullmatch(public) else ""
    arn, link = extra.get("arn", ""), place.get("link")
    doubtful = DOUBTFUL if result["VerificationError"] else UNVERIFIED
    secret = result["RawV2"] or result["Raw"]
    where = repository or labels.get("file") or kind
    return READER.alert(
        source=NAME,
        id=f"{detector}/{secret}",
        type=detector,
        title=f"{detector} secret in {where}" if where else f"{detector} secret",
        description=READER.text(result, "DetectorDescription"),
        severity=ALIVE if verified else doubtful,
        account=extra.get("account", ""),
        provider=PROVIDERS.get(detector, ""),
        credential=key,
        access_key_id=key,
        resource=repository,
        user_name=arn.rpartition("/")[2] if ":user/" in arn else public if not key else "",
        principal_id=extra.get("user_id", ""),
        sample=extra.get("is_canary") == "true",
        url=link if isinstance(link, str) and link.startswith("https://") else "",
        labels=labels
        | ({"repository": repository} if repository else {})
        | {"leak": leak(f"{detector}-{secret.removeprefix('sha256:')}")}
        | {"secret_type": detector, "validity": "active" if verified else "unknown", "fingerprint": secret},
        raw=result,
    )


def _scalars(place: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in place.items() if isinstance(one, str | int | float)}


def _public(text: str) -> bool:
    """Is it an id that anybody may know?"""
    return bool(AWS_KEY.fullmatch(text) or SERVICE_ACCOUNT.fullmatch(text))


def _print(secret: str) -> str:
    """The fingerprint of a secret; of one that is a fingerprint already, itself."""
    return secret if not secret or FINGERPRINT.fullmatch(secret) else fingerprint(secret)


def _repository(url: str) -> str:
    """`owner/name` of a repository's URL; anything else as it is."""
    match = REPOSITORY.fullmatch(url)
    return match.group(1).removesuffix("/").removesuffix(".git") if match else url
