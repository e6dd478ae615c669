"""`python -m activities.stocktaking`: what exists at a provider or in AWS, for `firedoor inventory import`.

A program of the worker's side (`firedoor.desk`): `{"source": "openai", "scope": ""}` in, `{"found", "remarks"}` out,
one line of JSON each. Reads only; no value is asked for, and none is in an answer.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from activities._clients import Clients
from activities._limits import Limits
from activities.aws.accounts import Service, timestamp
from activities.aws.credential_report import ROOT, Row, credential_report
from firedoor.config import load
from firedoor.errors import FiredoorError, StepError
from firedoor.inventory.findings import provider_of
from firedoor.inventory.model import UNKNOWN, Entry
from firedoor.providers import Verb, providers
from firedoor.providers._provider import ByApi
from firedoor.sinks import place
from firedoor.steps.credentials import Found
from firedoor.words import plural

#: Tags by which a secret in AWS may say whose credential it holds.
TAGS = {"firedoor:provider": "provider", "firedoor:id": "id", "firedoor:kind": "kind", "firedoor:owner": "owner"}

NOBODY = Row("", password=False, keys={})


@dataclass
class Stock:
    """What a source has: entries for the inventory, and sentences about what it does not tell."""

    found: list[Entry] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def take_stock(clients: Clients, source: str, scope: str) -> Stock:
    """What a source has. `scope` is a user of aws-iam, a region of aws-sm and aws-ssm. Raises `StepError`."""
    aws = {"aws-iam": _access_keys, "aws-sm": _secrets, "aws-ssm": _parameters}
    if source in aws:
        return aws[source](clients, scope)
    if source not in providers():
        known = ", ".join([*aws, *sorted(providers())])
        raise StepError("invalid_arguments", f"There is no source {source!r}.", next=f"It is one of {known}.")
    module, api = clients.provider(source)
    title, stock = api.provider.title, Stock()
    for kind in api.provider.kinds:
        if isinstance(kind.means(Verb.INVENTORY), ByApi):
            listed = module.inventory(api, kind, scope)
            stock.found += [_entry(one, source) for one in listed if one.status != "expired"]
        else:
            stock.remarks.append(f"{title} lists no {kind.title} for anybody: look at its console.")
    if any(one.provider != source for one in stock.found):
        stock.remarks.append(
            f"What {title} holds belongs to other providers. Where a key is in the inventory already, add the place to "
            f"its `where`; and let {source} be among its `consumers`."
        )
    return stock


def _entry(found: Found, source: str) -> Entry:
    one = found.credential
    if one.where.startswith(f"{source}:"):
        # Stored there for somebody else: the credential is another provider's, and its name may say whose.
        return Entry(provider=provider_of(one.name), where=[one.where])
    return Entry(
        provider=one.provider,
        kind=one.kind,
        id=one.id,
        name=one.name,
        scope=one.scope,
        owner=one.owner,
        where=[one.where] if one.where else [],
    )


def _access_keys(clients: Clients, scope: str) -> Stock:
    """iam:ListUsers and iam:ListAccessKeys for the ids; the credential report for their use, and for the root user."""
    iam, stock = clients.aws.service("iam"), Stock()
    report = _report(iam, stock)
    users = [scope] if scope else [str(user["UserName"]) for user in iam.pages("ListUsers", "Users")[0]]
    for name in users:
        known = report[name].keys if name in report else {}
        for key in iam.pages("ListAccessKeys", "AccessKeyMetadata", UserName=name)[0]:
            if key["Status"] == "Active":
                note = known.get(timestamp(key["CreateDate"]).removesuffix("Z"), "")
                stock.found.append(
                    Entry(
                        provider="aws",
                        kind="iam_access_key",
                        id=str(key["AccessKeyId"]),
                        scope=name,
                        owner=name,
                        note=note,
                    )
                )
    return stock


def _report(iam: Service, stock: Stock) -> dict[str, Row]:
    """The credential report by user. What it tells of no key that could be rotated is a remark."""
    try:
        rows = {row.user: row for row in credential_report(iam)}
    except StepError as error:
        stock.remarks.append(f"Without the credential report: {error.what} When keys were used is not known.")
        return {}
    if rows.get(ROOT, NOBODY).keys:
        stock.remarks.append("The root user has an active access key: delete it at the console, nobody can rotate it.")
    if passwords := sorted(row.user for row in rows.values() if row.password and row.user != ROOT):
        some = ", ".join(passwords[:5]) + (", …" if len(passwords) > 5 else "")
        stock.remarks.append(f"{plural(len(passwords), 'users')} with a console password: {some}.")
    return rows


def _secrets(clients: Clients, region: str) -> Stock:
    """secretsmanager:ListSecrets: names and tags."""
    manager = clients.aws.service("secretsmanager", region=region)
    stock = Stock()
    for secret in manager.pages("ListSecrets", "SecretList")[0]:
        tags = {str(tag["Key"]): str(tag["Value"]) for tag in secret.get("Tags", ())}
        stock.found += _stored(f"aws-sm:{secret['Name']}{_in(region)}", tags)
    return stock


def _parameters(clients: Clients, region: str) -> Stock:
    """ssm:DescribeParameters of the type SecureString, and ssm:ListTagsForResource for each."""
    ssm = clients.aws.service("ssm", region=region)
    secure, stock = [{"Key": "Type", "Option": "Equals", "Values": ["SecureString"]}], Stock()
    for parameter in ssm.pages("DescribeParameters", "Parameters", ParameterFilters=secure)[0]:
        name = str(parameter["Name"])
        stock.found += _stored(f"aws-ssm:{name}{_in(region)}", _tags(ssm, name))
    return stock


def _in(region: str) -> str:
    return f"?region={region}" if region else ""


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
            stock = take_stock(clients, str(question["source"]), str(question.get("scope") or ""))
    except FiredoorError as error:
        said = {"reason": error.reason, "what": error.what, "changed": "Nothing was changed.", "next": error.next}
        return {"error": said}
    return {"found": [one.model_dump(exclude_defaults=True) for one in stock.found], "remarks": stock.remarks}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(sys.stdin.buffer.readline())) + "\n")
