"""What scanners of secrets found, without the secrets: TruffleHog's JSON lines, and ggshield's JSON.

A value is dropped here, at the door: only the start of its SHA-256 is kept, and where it was seen.
Formats: trufflesecurity/trufflehog `pkg/output/json.go`; GitGuardian/ggshield `ggshield/verticals/secret/output`.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from firedoor.errors import UsageError
from firedoor.inventory.model import UNKNOWN, Entry
from firedoor.providers import providers

#: Words of scanners for providers whose name they do not begin with.
ALIASES = {"huggingface": "huggingface", "azure_openai": "azure_openai", "azureopenai": "azure_openai"}


def trufflehog(text: str, file: str) -> Iterator[Entry]:
    """Each line is a finding: `{"SourceMetadata", "DetectorName", "Raw", "RawV2", …}`. Raises `UsageError`."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = _json(line, f"{file}:{number}")
        if "DetectorName" not in found:
            continue  # Its own log lines stand among the findings.
        raw = str(found.get("Raw") or "")
        yield Entry(
            provider=provider_of(str(found["DetectorName"])),
            id=_public_id(raw),
            fingerprint=_fingerprint(str(found.get("RawV2") or raw)),
            seen=[_seen_by_trufflehog(found)],
        )


def ggshield(text: str, file: str) -> Iterator[Entry]:
    """`ggshield secret scan --json`: incidents by file. Raises `UsageError`."""
    for scan in _scans(_json(text, file)):
        for entity in scan.get("entities_with_incidents") or ():
            for incident in entity.get("incidents") or ():
                for occurrence in incident.get("occurrences") or ():
                    match = str(occurrence.get("match") or "")
                    line = occurrence.get("line_start") or occurrence.get("line_end")
                    id = _public_id(match)
                    yield Entry(
                        provider=provider_of(str(incident.get("type") or "")),
                        id=id,
                        # Without --show-secrets a part of the value is hidden, and its hash would be that of asterisks.
                        fingerprint="" if id or "*" in match else _fingerprint(match),
                        seen=[_without_login(str(entity.get("filename") or file)) + (f":{line}" if line else "")],
                    )


SCANNERS = {"trufflehog": trufflehog, "ggshield": ggshield}


def provider_of(detector: str) -> str:
    """The provider that a scanner's word means: `OpenAI Project API Key` is `openai`."""
    word = re.sub(r"[^a-z0-9]", "", detector.lower())
    known = {re.sub(r"[^a-z0-9]", "", name): name for name in providers()} | ALIASES
    return next((known[name] for name in sorted(known, key=len, reverse=True) if word.startswith(name)), UNKNOWN)


def _scans(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One scan, or one of many."""
    if "entities_with_incidents" in found:
        yield found
    for scan in found.get("scans") or ():
        yield from _scans(scan)


def _seen_by_trufflehog(found: Mapping[str, Any]) -> str:
    data = (found.get("SourceMetadata") or {}).get("Data") or {}
    place: Mapping[str, Any] = next((one for one in data.values() if isinstance(one, dict)), {})
    parts = [_without_login(str(place[key])) for key in ("repository", "link", "file", "commit") if place.get(key)]
    line = f":{place['line']}" if place.get("line") else ""
    return " ".join(parts[:3]) + line if parts else _without_login(str(found.get("SourceName") or "unknown place"))


def _public_id(match: str) -> str:
    """The id of an access key, which is no secret: scanners of secrets find it beside one."""
    return match if re.fullmatch(r"A[KS]IA[A-Z0-9]{12,124}", match) else ""


def _without_login(place: str) -> str:
    """A place without the password or token that stands in the address of many a repository."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", place)


def _fingerprint(value: str) -> str:
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:16]}" if value else ""


def _json(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UsageError(
            f"{where} is no JSON object of a scanner.", changed="Nothing was written.", next="Look at the file."
        )
    return found
