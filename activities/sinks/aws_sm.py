"""AWS Secrets Manager as a sink: AWSPENDING, then AWSCURRENT by compare-and-swap; the token is the version id.

API: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
With `?field=NAME` the value is one field of the secret's JSON object, and the other fields are kept.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from activities.aws.secret_versions import CURRENT, Secret, find
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
        current = wanted if VERSION_ID.fullmatch(wanted) else self.secret.stages().holder(wanted)
        if not current:
            return Held("")
        text, answer = self.secret.read(version=current)
        return Held(current, self._value(text), answer.get("CreatedDate"))

    def held(self, token: str, expected: str) -> SecretStr | None:
        """The version of this token, wherever its labels are."""
        if token not in self.secret.stages().labels:
            return None
        return self._value(self.secret.read(version=token)[0])

    def stage(self, value: SecretStr, token: str, expected: str) -> None:
        """PutSecretValue AWSPENDING, read back."""
        now = self.secret.stages()
        if now.holder(CURRENT) != token:
            self.secret.put_pending(now, token, self._document(value, expected), expected)

    def promote(self, value: SecretStr, token: str, expected: str) -> Evidence:
        """UpdateSecretVersionStage with RemoveFromVersionId, read back by GetSecretValue."""
        answer = self.secret.replace(token, self._document(value, expected), expected)
        return answer.evidence(f"{CURRENT} of {self.secret.id} is version {token}")

    def discard(self, token: str) -> None:
        """Take AWSPENDING off our version: left there it would block every later rotation."""
        self.secret.abandon(token)

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


def open_sink(opening: Opening) -> SecretsManagerSink:
    """The secret of a name or ARN."""
    options = opening.place.options
    secret = find(opening.aws, opening.place.name, options.get("region", ""), options.get("account", ""))
    return SecretsManagerSink(opening.place, opening.store, secret)
