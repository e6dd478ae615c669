"""`python -m activities.stocktaking`: what exists at a provider or in AWS, for `firedoor inventory import`.

A program of the worker's side (`firedoor.desk`): `{"source": "openai", "scope": ""}` in, `{"found", "unlisted"}`
out, one line of JSON each. Reads only; no value is asked for, and none is in an answer.
"""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from activities._clients import Clients
from activities._limits import Limits
from activities.aws.accounts import Service
from firedoor.config import load
from firedoor.errors import FiredoorError, StepError
from firedoor.inventory.model import UNKNOWN, Entry
from firedoor.providers import Verb, providers
from firedoor.providers._provider import ByApi
from firedoor.sinks import place
from firedoor.steps.credentials import Found

#: Tags by which a secret in AWS may say whose credential it holds.
TAGS = {"firedoor:provider": "provider", "firedoor:id": "id", "firedoor:kind": "kind", "firedoor:owner": "owner"}


def take_stock(clients: Clients, source: str, scope: str) -> tuple[Sequence[Entry], Sequence[str]]:
    """The entries of a source, and what it lists for nobody. Raises `StepError`."""
    aws = {"aws-iam": _access_keys, "aws-sm": _secrets, "aws-ssm": _parameters}
    if source in aws:
        return list(aws[source](clients)), ()
    if source not in providers():
        known = ", ".join([*aws, *sorted(providers())])
        raise StepError("invalid_arguments", f"There is no source {source!r}.", next=f"It is one of {known}.")
    module, api = clients.provider(source)
    listed = [kind for kind in api.provider.kinds if isinstance(kind.means(Verb.INVENTORY), ByApi)]
    found = [_entry(one) for kind in listed for one in module.inventory(api, kind, scope) if one.status != "expired"]
    return found, [kind.name for kind in api.provider.kinds if kind not in listed]


def _entry(found: Found) -> Entry:
    one = found.credential
    return Entry(
        provider=one.provider,
        kind=one.kind,
        id=one.id,
        name=one.name,
        scope=one.scope,
        owner=one.owner,
        where=[one.where] if one.where else [],
    )


def _access_keys(clients: Clients) -> Iterator[Entry]:
    """iam:ListUsers, then iam:ListAccessKeys for each: the credential report has no ids of keys."""
    iam = clients.aws.service("iam")
    for user in iam.pages("ListUsers", "Users")[0]:
        name = str(user["UserName"])
        for key in iam.pages("ListAccessKeys", "AccessKeyMetadata", UserName=name)[0]:
            if key["Status"] == "Active":
                yield Entry(provider="aws", id=str(key["AccessKeyId"]), scope=name, owner=name)


def _secrets(clients: Clients) -> Iterator[Entry]:
    """secretsmanager:ListSecrets: names and tags."""
    manager = clients.aws.service("secretsmanager")
    for secret in manager.pages("ListSecrets", "SecretList")[0]:
        tags = {str(tag["Key"]): str(tag["Value"]) for tag in secret.get("Tags", ())}
        yield from _stored(f"aws-sm:{secret['Name']}", tags)


def _parameters(clients: Clients) -> Iterator[Entry]:
    """ssm:DescribeParameters of the type SecureString, and ssm:ListTagsForResource for each."""
    ssm = clients.aws.service("ssm")
    secure = [{"Key": "Type", "Option": "Equals", "Values": ["SecureString"]}]
    for parameter in ssm.pages("DescribeParameters", "Parameters", ParameterFilters=secure)[0]:
        name = str(parameter["Name"])
        yield from _stored(f"aws-ssm:{name}", _tags(ssm, name))


def _tags(ssm: Service, name: str) -> dict[str, str]:
    answer = ssm("ListTagsForResource", ResourceType="Parameter", ResourceId=name)
    return {str(tag["Key"]): str(tag["Value"]) for tag in answer.get("TagList", ())}


def _stored(where: str, tags: dict[str, str]) -> Iterator[Entry]:
    fields = {field: tags[tag] for tag, field in TAGS.items() if tags.get(tag)}
    with contextlib.suppress(StepError):  # A name that no reference can name is nothing that could be rotated.
        place(where)
        yield Entry.model_validate({"provider": UNKNOWN, "where": [where]} | fields)


def answer(line: bytes) -> dict[str, Any]:
    """The answer to a question, as JSON."""
    question = json.loads(line)
    try:
        settings = load()
        clients = Clients(settings, Limits(settings.limits_path, settings.limits, urgent=True))
        with contextlib.closing(clients):
            found, unlisted = take_stock(clients, str(question["source"]), str(question.get("scope") or ""))
    except FiredoorError as error:
        said = {"reason": error.reason, "what": error.what, "changed": "Nothing was changed.", "next": error.next}
        return {"error": said}
    return {"found": [one.model_dump(exclude_defaults=True) for one in found], "unlisted": list(unlisted)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(sys.stdin.buffer.readline())) + "\n")
