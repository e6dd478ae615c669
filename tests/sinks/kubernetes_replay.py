"""Ask an API server what another was asked: a recording of a real one judges the fake.

`kubernetes-1.20.2.json` holds calls, and what a real kube-apiserver answered on loopback, with RBAC, a token file and
etcd 3.4. It was built from Debian 12's source package `kubernetes` (1.20.5+really1.20.2), since no registry has the
program itself. What differs each time is taken out: see `known`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

#: An answer: its status, and its body as `known` leaves it.
Answer = tuple[int, dict[str, Any]]
FLEETING = ("uid", "creationTimestamp", "managedFields", "selfLink")


def replay(client: httpx.Client, calls: Iterable[Mapping[str, Any]], tokens: Mapping[str, str]) -> list[Answer]:
    """Send the calls; `#1` in them stands for the first resourceVersion that was seen, also in what is returned."""
    versions: list[str] = []
    return [_answer(client, call, tokens[call["as"]], versions) for call in calls]


def _answer(client: httpx.Client, call: Mapping[str, Any], token: str, versions: list[str]) -> Answer:
    text = "" if call["body"] is None else json.dumps(call["body"])
    for number, version in enumerate(versions, 1):
        text = text.replace(f'"#{number}"', f'"{version}"')
    headers = {"Authorization": f"Bearer {token}", "Content-Type": call["type"]}
    reply = client.request(call["method"], call["path"], params=call["query"], headers=headers, content=text)
    return reply.status_code, known(reply.json(), versions)


def known(body: dict[str, Any], versions: list[str]) -> dict[str, Any]:
    """An answer without what differs each time; resourceVersions become the number of the one that it is."""
    about = {name: value for name, value in body["metadata"].items() if name not in FLEETING}
    if version := about.get("resourceVersion"):
        if version not in versions:
            versions.append(version)
        about["resourceVersion"] = f"#{versions.index(version) + 1}"
    return {**body, "metadata": about}
