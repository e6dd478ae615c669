"""A fake of a Kubernetes API server: Secrets with resourceVersions, merge patches, dry runs, and who may do what.

It answers what a real kube-apiserver 1.20.2 answered to the same calls (tests/sinks/kubernetes-1.20.2.json).
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Said, canary

SECRETS = "/api/v1/namespaces/{namespace}/secrets"
MERGE = "application/merge-patch+json"
KEY = r"[-._a-zA-Z0-9]+"
MADE = "2026-01-01T00:00:00Z"
FROZEN = "field is immutable when `immutable` is set"


class FakeKubernetes(Fake):
    """One cluster with one namespace, `gateway`. `users` maps a token to a user, `may` a user to its verbs there.

    Those in `everywhere` may the same in every namespace, also in one that does not exist.
    """

    name: ClassVar[str] = "kubernetes"

    def __init__(self) -> None:
        super().__init__()
        self.token, self.reader, self.nobody = canary("eyJ"), canary("eyJ"), canary("eyJ")
        self.users = {self.token: "firedoor", self.reader: "reader", self.nobody: "nobody"}
        self.may = {"firedoor": {"get", "patch", "create"}, "reader": {"get"}, "nobody": set[str]()}
        self.everywhere: set[str] = set()
        self.secrets_now: dict[str, dict[str, Any]] = {}
        self._revision = 100
        #: What somebody else does right before the next writes that are no dry runs.
        self.meanwhile: list[Callable[[], object]] = []
        self.route("GET", f"{SECRETS}/{{name}}", self._get)
        self.route("POST", SECRETS, self._post)
        self.route("PATCH", f"{SECRETS}/{{name}}", self._patch)

    def put(self, name: str, *, immutable: bool = False, **data: str) -> None:
        """Write a Secret as its owner does, who leaves annotations alone."""
        about = {"name": name, "namespace": "gateway", "uid": f"uid-{name}", "creationTimestamp": MADE}
        one: dict[str, Any] = {
            "kind": "Secret",
            "apiVersion": "v1",
            "metadata": {**self.secrets_now.get(name, {}).get("metadata", {}), **about},
            "data": {key: b64encode(value.encode()).decode() for key, value in data.items()},
            "type": "Opaque",
        }
        self._keep(one | ({"immutable": True} if immutable else {}))

    def data(self, name: str) -> dict[str, str]:
        """What a Secret holds."""
        return {key: b64decode(value).decode() for key, value in self.secrets_now[name]["data"].items()}

    def annotate(self, name: str, **annotations: str) -> None:
        """Change an annotation as a controller does."""
        one = json.loads(json.dumps(self.secrets_now[name]))
        one["metadata"].setdefault("annotations", {}).update(annotations)
        self._keep(one)

    def denied(self, asked: Asked) -> Said | None:
        """401 for a token that nobody has."""
        return None if asked.bearer() in self.users else _status(401, "Unauthorized", "Unauthorized")

    def _keep(self, one: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self._revision += 1
            one["metadata"]["resourceVersion"] = str(self._revision)
            self.secrets_now[one["metadata"]["name"]] = one
            return one

    def _get(self, asked: Asked) -> Said:
        return self._forbidden(asked, "get") or self._found(asked) or Said(data=self.secrets_now[asked.ids["name"]])

    def _post(self, asked: Asked) -> Said:
        refusal = self._forbidden(asked, "create")
        if refusal:
            return refusal
        if asked.ids["namespace"] != "gateway":
            details = {"name": asked.ids["namespace"], "kind": "namespaces"}
            return _status(404, "NotFound", f'namespaces "{asked.ids["namespace"]}" not found', details)
        self._somebody_else(asked)
        body = asked.json()
        name = body["metadata"]["name"]
        if name in self.secrets_now:
            return _status(409, "AlreadyExists", f'secrets "{name}" already exists', {"name": name, "kind": "secrets"})
        about = {"namespace": "gateway", "uid": f"uid-{name}", "creationTimestamp": MADE, **body["metadata"]}
        one = {"kind": "Secret", "apiVersion": "v1", **body, "metadata": about}
        return _invalid(name, one) or Said(201, one if _dry(asked) else self._keep(one))

    def _patch(self, asked: Asked) -> Said:
        refusal = self._forbidden(asked, "patch")
        if not refusal and asked.headers.get("content-type") != MERGE:
            refusal = _status(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        self._somebody_else(asked)
        refusal = refusal or self._found(asked)
        if refusal:
            return refusal
        name, patch = asked.ids["name"], asked.json()
        before = self.secrets_now[name]
        if patch.get("metadata", {}).get("resourceVersion") not in {None, before["metadata"]["resourceVersion"]}:
            why = "the object has been modified; please apply your changes to the latest version and try again"
            message = f'Operation cannot be fulfilled on secrets "{name}": {why}'
            return _status(409, "Conflict", message, {"name": name, "kind": "secrets"})
        after: dict[str, Any] = _merged(before, patch)
        fields = [field for field in ("immutable", "data") if before.get(field) != after.get(field)]
        if before.get("immutable") and fields:
            return _refused(name, [(field, "FieldValueForbidden", f"Forbidden: {FROZEN}") for field in fields])
        refusal = _invalid(name, after)
        # A patch that changes nothing is not stored.
        return refusal or Said(data=after if _dry(asked) or after == before else self._keep(after))

    def _forbidden(self, asked: Asked, verb: str) -> Said | None:
        user, namespace, name = self.users[asked.bearer()], asked.ids["namespace"], asked.ids.get("name", "")
        if verb in self.may[user] and (namespace == "gateway" or user in self.everywhere):
            return None
        what = f'secrets "{name}" is' if name else "secrets is"
        message = f'{what} forbidden: User "{user}" cannot {verb} resource "secrets" in API group "" in the namespace '
        details = {**({"name": name} if name else {}), "kind": "secrets"}
        return _status(403, "Forbidden", f'{message}"{namespace}"', details)

    def _found(self, asked: Asked) -> Said | None:
        name = asked.ids["name"]
        if asked.ids["namespace"] == "gateway" and name in self.secrets_now:
            return None
        return _status(404, "NotFound", f'secrets "{name}" not found', {"name": name, "kind": "secrets"})

    def _somebody_else(self, asked: Asked) -> None:
        if self.meanwhile and not _dry(asked):
            self.meanwhile.pop(0)()


def _dry(asked: Asked) -> bool:
    return asked.one("dryRun") == "All"


def _merged(old: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(old) if isinstance(old, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _invalid(name: str, one: Mapping[str, Any]) -> Said | None:
    wrong = [key for key in one.get("data", {}) if not re.fullmatch(KEY, key)]
    if not wrong:
        return None
    why = (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
        f"(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '{KEY}')"
    )
    return _refused(name, [(f"data[{key}]", "FieldValueInvalid", f'Invalid value: "{key}": {why}') for key in wrong])


def _refused(name: str, causes: Iterable[tuple[str, str, str]]) -> Said:
    """422 with the fields that are wrong."""
    rows = [{"reason": reason, "message": message, "field": field} for field, reason, message in causes]
    said = ", ".join(f"{row['field']}: {row['message']}" for row in rows)
    said = f"[{said}]" if len(rows) > 1 else said
    return _status(
        422, "Invalid", f'Secret "{name}" is invalid: {said}', {"name": name, "kind": "Secret", "causes": rows}
    )


def _status(code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> Said:
    body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    body |= {"message": message, "reason": reason, **({} if details is None else {"details": details}), "code": code}
    return Said(code, body)
