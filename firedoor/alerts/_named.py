"""What an alert is about, in a format that says nothing of alerts: members with the names of an alert's fields.

Standard Webhooks and CloudEvents are envelopes. Who fills one writes into its data what firedoor shall know, under the
names of `Alert`: `title`, `severity`, `access_key_id`, `labels`, …
"""

from collections.abc import Mapping
from typing import Any

from firedoor.alerts._alert import Alert
from firedoor.alerts._reading import part, texts
from firedoor.alerts._severity import severity

#: What the envelope, the door or firedoor itself says.
NOT_GIVEN = frozenset({"source", "door", "raw"})
#: The fields that whoever sends an alert may fill.
FIELDS = frozenset(Alert.model_fields) - NOT_GIVEN
_TEXTS = frozenset(name for name in FIELDS if Alert.model_fields[name].annotation is str)
_OTHERS = FIELDS - _TEXTS - {"severity", "labels"}


def named(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an alert among the members of `data`: texts and numbers where a text is wanted, words of severity.

    What is null is not there. What does not fit is for `Reader.alert` to refuse by name.
    """
    given = {name: value for name, value in data.items() if name in FIELDS and value is not None}
    fields = {name: value for name, value in given.items() if name in _OTHERS}
    fields |= texts({name: value for name, value in given.items() if name in _TEXTS})
    fields |= {name: given[name] for name in _TEXTS & given.keys() - fields.keys()}
    if "severity" in given:
        fields["severity"] = severity(given["severity"])
    if "labels" in given:
        fields["labels"] = texts(part(data, "labels"))
    if fields.get("access_key_id"):
        fields = {"provider": "aws", "credential": fields["access_key_id"]} | fields
    return fields
