"""AWS Secrets Manager as a sink: AWSPENDING, then AWSCURRENT by compare-and-swap.

API: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
With `?field=NAME` the value is one field of the secret's JSON object, and the other fields are kept.

A version's id is made from the token and the value's fingerprint: AWS takes no second value under one id, and a
rotation whose first value was taken back stores another one. So a version also says whose it is.
"""

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from activities.aws.secret_versions import CURRENT, PENDING, Secret, find
from activities.providers._reading import fingerprint
from activities.sinks._sink import Held, Opening
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.sinks import Place, Store

VERSION_ID = re.compile(r"[0-9a-fA-F-]{32,64}")


@dataclass(frozen=True, slots=True)
class SecretsManagerSink:
    """One secret, or one field of it."""

    place: Place
    store: Store
    secret: Secret

    @property
    def reference(self) -> str:
        """Without a version: where the value is now, and will be."""
        options = "&".join(f"{name}={value}" for name, value in self.place.options.items())
        return f"{self.place.scheme}:{self.place.name}" + (f"?{options}" if options else "")

    def look(self) -> Held:
        """DescribeSecret, GetSecretValue of AWSCURRENT, or of the version that the reference names."""
        wanted = self.place.version or CURRENT
        stages = None if VERSION_ID.fullmatch(wanted) else self.secret.stages()
        current = stages.holder(wanted) if stages else wanted
        if not current:
            return Held("")
        text, answer = self.secret.read(version=current)
        # A version is made before consumers get it; when its labels moved, only the secret tells.
        moved = stages.answer.get("LastChangedDate") if stages else None
        made = answer.get("CreatedDate")
        return Held(current, self._value(text), moved or made, made=made)

    def held(self, token: str, expected: str) -> SecretStr | None:
        """The value of the version that is AWSCURRENT or AWSPENDING, if this token made it."""
        stages = self.secret.stages()
        holders = (stages.holder(label) for label in (CURRENT, PENDING))
        found = (self._made_by(token, version) for version in holders if version not in {"", expected})
        return next((value for value in found if value is not None), None)

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """PutSecretValue AWSPENDING, read back."""
        now, version = self.secret.stages(), _version(token, value)
        if now.holder(CURRENT) != version:
            self.secret.put_pending(now, version, self._document(value, expected), expected)

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """UpdateSecretVersionStage with RemoveFromVersionId, read back by GetSecretValue."""
        version = _version(token, value)
        answer = self.secret.replace(version, self._document(value, expected), expected)
        return answer.evidence(f"{CURRENT} of {self.secret.id} is version {version}")

    def discard(self, token: str) -> None:
        """Take AWSPENDING off our version: left there it would block every later rotation."""
        pending = self.secret.stages().holder(PENDING)
        if pending and self._made_by(token, pending) is not None:
            self.secret.abandon(pending)

    def destroy(self, keep: str) -> Evidence | None:
        """Take every label off the other versions: AWS then deletes them, and nobody can name them by a stage.

        AWS has no call that deletes a version at once; without a label it is deprecated, and deleted by AWS.
        """
        stages = self.secret.stages()
        for version, labels in stages.labels.items():
            for label in labels:
                if version != keep and label != CURRENT:
                    self.secret.unlabel(label, version)
        after = self.secret.stages()
        left = [version for version, labels in after.labels.items() if version != keep and labels]
        if left:
            raise StepError("not_stable", f"{self.secret.id} still has labelled old versions: {', '.join(left)}.")
        return after.answer.evidence(f"no version of {self.secret.id} but {keep} has a label")

    def _made_by(self, token: str, version: str) -> SecretStr | None:
        """The value of a version, if this token made it. What somebody else put there may be anything."""
        try:
            value = self._value(self.secret.read(version=version)[0])
        except StepError as error:
            if error.reason == "conflict":
                return None
            raise
        return value if value is not None and version == _version(token, value) else None

    def _value(self, text: str) -> SecretStr | None:
        field = self.place.options.get("field")
        if not field:
            return SecretStr(text) if text else None
        value = self._object(text).get(field)
        return SecretStr(str(value)) if value else None

    def _document(self, value: SecretStr, expected: str) -> str:
        """What the whole secret shall be: the value itself, or the object of before with the field in it."""
        field = self.place.options.get("field")
        if not field:
            return value.get_secret_value()
        before = self._object(self.secret.read(version=expected)[0]) if expected else {}
        return json.dumps(before | {field: value.get_secret_value()})

    def _object(self, text: str) -> dict[str, Any]:
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise StepError(
                "conflict",
                f"The secret {self.secret.id} does not hold a JSON object, so it has no field.",
                next="Leave out ?field=, or give the secret the value {} first.",
            )
        return document


def _version(token: str, value: SecretStr) -> str:
    """The id of the version that holds this value for this token: a UUID, as AWS wants of a ClientRequestToken."""
    return str(uuid.uuid5(uuid.UUID(token), fingerprint(value)))


def open_sink(opening: Opening) -> SecretsManagerSink:
    """The secret of a name or ARN."""
    options = opening.place.options
    secret = find(opening.aws, opening.place.name, options.get("region", ""), options.get("account", ""))
    return SecretsManagerSink(opening.place, opening.store, secret)
