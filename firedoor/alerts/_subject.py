"""What an alert is about, where a sender has no field for it: labels, details and tags with names that are agreed.

Monitoring knows nothing of credentials. Whoever writes the alert's rule says which one it is, by a label, an
annotation, a detail or a tag with one of these names. Nothing is searched for in free text: what is found there may be
a secret.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

#: The fields of an alert and the names that fill them; the first that is there counts. Case does not matter, and `-`,
#: `.` and blanks are `_`.
NAMES: dict[str, tuple[str, ...]] = {
    "account": ("account", "account_id", "aws_account", "aws_account_id"),
    "region": ("region", "aws_region"),
    "provider": ("provider",),
    "credential": ("credential", "credential_id"),
    "access_key_id": ("access_key_id", "aws_access_key_id"),
    "user_name": ("user_name", "username", "user"),
    "resource": ("resource", "instance", "host"),
}
#: How templates write that there is nothing.
ABSENT = ("", "null", "<no value>")
_NAME = str.maketrans("-. ", "___")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def subject(*given: Mapping[str, str]) -> dict[str, str]:
    """Fields of the alert from mappings of texts, the earlier one first. An AWS access key is also the credential."""
    values: dict[str, str] = {}
    for mapping in given:
        for name, value in mapping.items():
            if value.strip() not in ABSENT:
                values.setdefault(name.lower().translate(_NAME), value.strip())
    fields = {field: next((values[name] for name in names if name in values), "") for field, names in NAMES.items()}
    if fields["access_key_id"]:
        fields["credential"] = fields["credential"] or fields["access_key_id"]
        fields["provider"] = fields["provider"] or "aws"
    return fields


def tags(given: Any) -> dict[str, str]:
    """Tags as labels: `name:value` from a list, or from one text with commas. Without a value, it is an empty text."""
    members: Iterable[Any] = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else ()
    pairs = (one.strip().partition(":") for one in members if isinstance(one, str))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip() not in ABSENT}


def moment(given: Any, *, a_second: int = 1) -> str:
    """A Unix time, of which `a_second` are a second, as RFC 3339; empty where it is none."""
    try:
        value = _EPOCH + timedelta(seconds=float(given) / a_second)
    except (TypeError, ValueError, OverflowError):
        return ""
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
