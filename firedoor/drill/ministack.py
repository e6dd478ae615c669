"""Starts ministack, the AWS emulator, and corrects what it gets wrong in CloudTrail and in lists of credentials.

A program of its own: the emulator's own Python runs it by path, with the standard library and ministack only. What the
emulator *enforces* against keys, sessions and denies is untouched: who is refused, and why, stays ministack's answer.
Corrected is what it *records and lists*, so that a runbook reads what AWS would say:

- CloudTrail events have AWS's names and fields (ministack writes `POST.iam`, the key id for a user name, no response),
  refused calls are among them, and `LookupEvents` turns pages (ministack stops silently at 50);
- `GetAccessKeyLastUsed` moves;
- the policy simulations answer for every resource that is asked about (ministack for the first one only);
- service-specific credentials, SSH keys and signing certificates can be listed (ministack has none of these calls);
- `GetAccessKeyLastUsed` is authorised on the user who owns the key, as on AWS (ministack asks for `*`, and so refuses a
  policy that is right).

It leans on internals of ministack, hence the one version.
"""

import datetime
import html
import importlib
import json
import re
import sys
import uuid
from collections.abc import Callable, Mapping, MutableSequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qs

VERSION = "1.5.33"

Answer = tuple[int, dict[str, str], bytes]
Parameters = Mapping[str, list[str]]

#: CloudTrail leaves these out.
SECRET = {"secretAccessKey", "sessionToken", "secretString", "secretBinary", "password", "servicePassword"}

#: CloudTrail calls these read-only; STS's answers are recorded all the same.
READS = ("Get", "List", "Describe", "Head", "Simulate", "Generate", "BatchGet", "AssumeRole")

PAGE = 50

FIRST_ERROR = 400

NO_MORE = "<IsTruncated>false</IsTruncated>"

ELEMENT = re.compile(r"<(\w+)(?: [^>]*)?>(.*?)</\1>", re.DOTALL)

RESOURCE = "ResourceArns.member."

SIMULATIONS = ("SimulateCustomPolicy", "SimulatePrincipalPolicy")

RESULTS = re.compile(r"<EvaluationResults>(.*)</EvaluationResults>", re.DOTALL)

RESULT = re.compile(r"<(\w+Result)>(.*)</\1>", re.DOTALL)


def camel(name: str) -> str:
    """`AccessKeyId` → `accessKeyId`, as CloudTrail writes fields."""
    return name[:1].lower() + name[1:]


def fields(value: Any) -> Any:
    """JSON with CloudTrail's spelling of names, without secrets."""
    if isinstance(value, Mapping):
        return {camel(name): fields(member) for name, member in value.items() if camel(name) not in SECRET}
    return [fields(member) for member in value] if isinstance(value, list) else value


def elements(text: str) -> Any:
    """XML as CloudTrail writes it: a text, or an object with its spelling of names, without secrets."""
    found = ELEMENT.findall(text)
    if not found:
        return html.unescape(text)
    return {camel(name): elements(inner) for name, inner in found if camel(name) not in SECRET}


def request(headers: Mapping[str, str], body: bytes) -> tuple[str, dict[str, Any]]:
    """The action and the parameters of a request in AWS's JSON or query protocol; `("", {})` for any other."""
    target = headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2], fields(json.loads(body or b"{}"))
    form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    form.pop("Version", "")
    return form.pop("Action", ""), fields(form)


def response_elements(body: bytes) -> Any:
    """What the answer to a change says, without secrets; None where it says nothing."""
    if body.startswith(b"{"):
        return fields(json.loads(body)) or None
    result = RESULT.search(body.decode(errors="replace"))
    return elements(result.group(2)) if result and result.group(2) else None


def refusal(body: bytes) -> dict[str, str]:
    """Code and message of an error, as CloudTrail writes them."""
    if body.startswith(b"{"):
        said = json.loads(body)
        return {"errorCode": str(said.get("__type", "")).split("#")[-1], "errorMessage": str(said.get("message", ""))}
    found = dict(re.findall(r"<(Code|Message)>([^<]*)<", body.decode(errors="replace")))
    return {"errorCode": found.get("Code", ""), "errorMessage": html.unescape(found.get("Message", ""))}


def identity(credential: Any, session: Mapping[str, Any], issuer: Mapping[str, Any]) -> dict[str, Any]:
    """CloudTrail's `userIdentity` of a caller. `session` and `issuer` are empty for long-term keys."""
    who = {
        "type": {"User": "IAMUser"}.get(credential.principal_type, credential.principal_type),
        "principalId": credential.principal_id,
        "arn": credential.principal_arn,
        "accountId": credential.account_id,
        "accessKeyId": credential.access_key_id,
    }
    if credential.principal_name:
        who["userName"] = credential.principal_name
    if session:
        attributes = {"creationDate": rfc3339(session["IssuedAt"]), "mfaAuthenticated": "false"}
        who["sessionContext"] = {"sessionIssuer": dict(issuer), "attributes": attributes}
    return who


def resources(event: Mapping[str, Any]) -> list[dict[str, str]]:
    """The role that a call assumed. AWS names more; these are what firedoor looks for."""
    role = (event["requestParameters"] or {}).get("roleArn")
    return [{"ResourceType": "AWS::IAM::Role", "ResourceName": role}] if role else []


def about(event: Mapping[str, Any], name: str, value: str) -> bool:
    """Whether an event has this value for an attribute of `LookupEvents`."""
    if name == "ResourceName":
        return any(resource["ResourceName"] == value for resource in event["Resources"])
    return bool(event.get(name) == value)


def rfc3339(seconds: float) -> str:
    """A time as AWS writes it: UTC, whole seconds."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Call:
    """A signed request and the emulator's answer to it."""

    service: str
    region: str
    key: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer: bytes

    def event(self, who: Mapping[str, Any], at: float) -> dict[str, Any]:
        """The event of this call in CloudTrail; `who` made it."""
        action, parameters = request(self.headers, self.body)
        failed, read = self.status >= FIRST_ERROR, action.startswith(READS)
        return {
            "eventVersion": "1.11",
            "userIdentity": who,
            "eventTime": rfc3339(at),
            "eventSource": f"{self.service}.amazonaws.com",
            "eventName": action,
            "awsRegion": self.region,
            "sourceIPAddress": self.headers.get("x-forwarded-for", "127.0.0.1"),
            "userAgent": self.headers.get("user-agent", ""),
            "requestParameters": parameters or None,
            "responseElements": None if failed or (read and self.service != "sts") else response_elements(self.answer),
            "requestID": str(uuid.uuid4()),
            "eventID": str(uuid.uuid4()),
            "readOnly": read,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": who["accountId"],
            "eventCategory": "Management",
            **(refusal(self.answer) if failed else {}),
        }


@dataclass(slots=True)
class Trail:
    """CloudTrail as it should be. The first five are ministack's own: its state is read, never changed."""

    sessions: Mapping[str, Mapping[str, Any]]
    roles: Any
    events: Callable[[], MutableSequence[dict[str, Any]]]
    resolve: Callable[[str], Any]
    rejected: type
    last_used: dict[str, tuple[str, str, float]] = field(default_factory=dict)

    def record(self, call: Call) -> None:
        """Write a call down. AWS records none of a key that does not authenticate."""
        credential = self.resolve(call.key)
        if isinstance(credential, self.rejected):
            return
        now = datetime.datetime.now(datetime.UTC).timestamp()
        session = self.sessions.get(call.key) or {}
        who = identity(credential, session, self.issuer(credential) if session else {})
        event = call.event(who, now)
        if not event["eventName"]:
            return
        if call.status < FIRST_ERROR:
            self.last_used[call.key] = (call.service, call.region, now)
        self.events().append(
            {
                "EventId": event["eventID"],
                "EventName": event["eventName"],
                "EventSource": event["eventSource"],
                "EventTime": now,
                "Username": who.get("userName") or who["principalId"].rpartition(":")[2],
                "AccessKeyId": call.key,
                "ReadOnly": str(event["readOnly"]).lower(),
                "Resources": resources(event),
                "CloudTrailEvent": json.dumps(event),
            }
        )

    def issuer(self, credential: Any) -> dict[str, Any]:
        """The `sessionIssuer` of a session: the role that was assumed; empty for the session of a user."""
        if credential.principal_type != "AssumedRole":
            return {}
        name = credential.principal_arn.split("/")[-2]
        role = self.roles.get_scoped(credential.account_id, None, name) or {}
        who = {"type": "Role", "principalId": role.get("RoleId", ""), "arn": role.get("Arn", "")}
        return who | {"accountId": credential.account_id, "userName": name}

    def lookup(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`LookupEvents` with pages, newest first. The token is the position after the next older event."""
        events = list(self.events())
        wanted = {item["AttributeKey"]: item["AttributeValue"] for item in body.get("LookupAttributes", [])}
        start, end = float(body.get("StartTime", 0)), float(body.get("EndTime", "inf"))
        size = min(int(body.get("MaxResults", PAGE)), PAGE)
        position = int(body.get("NextToken") or len(events))
        page: list[dict[str, Any]] = []
        while position and len(page) < size:
            position -= 1
            event = events[position]
            if start <= event["EventTime"] <= end and all(about(event, name, value) for name, value in wanted.items()):
                page.append(event)
        return {"Events": page} | ({"NextToken": str(position)} if position else {})


@dataclass(slots=True)
class Credentials:
    """IAM's answers about credentials. `keys` and `simulate` are ministack's own."""

    keys: Mapping[str, Mapping[str, Any]]
    last_used: Mapping[str, tuple[str, str, float]]
    simulate: Mapping[str, Callable[[Parameters], Answer]]
    answer: Callable[[str, str], Answer]
    refuse: Callable[[str], Answer]
    specific: dict[str, dict[str, str]] = field(default_factory=dict)

    def handlers(self) -> dict[str, Callable[[Parameters], Answer]]:
        """IAM's actions that are answered here."""
        return {
            "GetAccessKeyLastUsed": self.access_key_last_used,
            **{action: partial(self.simulated, action) for action in self.simulate},
            "CreateServiceSpecificCredential": self.create_specific,
            "ListServiceSpecificCredentials": self.list_specific,
            "UpdateServiceSpecificCredential": self.update_specific,
            "DeleteServiceSpecificCredential": self.delete_specific,
            "ListSSHPublicKeys": lambda _: self.answer("ListSSHPublicKeys", f"<SSHPublicKeys/>{NO_MORE}"),
            "ListSigningCertificates": lambda _: self.answer("ListSigningCertificates", f"<Certificates/>{NO_MORE}"),
        }

    def access_key_last_used(self, parameters: Parameters) -> Answer:
        """When and where a key was used last; `N/A` if never."""
        key = first(parameters, "AccessKeyId")
        if key not in self.keys:
            return self.refuse(f"The Access Key with id {key} cannot be found.")
        service, region, at = self.last_used.get(key, ("N/A", "N/A", 0.0))
        date = {"LastUsedDate": rfc3339(at)} if at else {}
        used = xml(date | {"ServiceName": service, "Region": region})
        name = xml({"UserName": str(self.keys[key]["UserName"])})
        return self.answer("GetAccessKeyLastUsed", f"{name}<AccessKeyLastUsed>{used}</AccessKeyLastUsed>")

    def simulated(self, action: str, parameters: Parameters) -> Answer:
        """Ministack's own evaluation, once for each resource."""
        asked = [name for name in parameters if name.startswith(RESOURCE)]
        others = {name: values for name, values in parameters.items() if name not in asked}
        results = ""
        for name in asked or [f"{RESOURCE}1"]:
            said = self.simulate[action](others | {f"{RESOURCE}1": parameters.get(name, ["*"])})
            found = RESULTS.search(said[2].decode())
            if not found:
                return said
            results += found.group(1)
        return self.answer(action, f"<EvaluationResults>{results}</EvaluationResults>{NO_MORE}")

    def create_specific(self, parameters: Parameters) -> Answer:
        """A credential of one service, such as a long-term Bedrock API key."""
        identifier = f"ACCA{uuid.uuid4().hex[:17].upper()}"
        self.specific[identifier] = {
            "UserName": first(parameters, "UserName"),
            "ServiceName": first(parameters, "ServiceName"),
            "ServiceSpecificCredentialId": identifier,
            "ServiceUserName": f"{first(parameters, 'UserName')}-at-drill",
            "Status": "Active",
            "CreateDate": rfc3339(datetime.datetime.now(datetime.UTC).timestamp()),
        }
        secret = xml({"ServicePassword": uuid.uuid4().hex})
        made = f"<ServiceSpecificCredential>{xml(self.specific[identifier])}{secret}</ServiceSpecificCredential>"
        return self.answer("CreateServiceSpecificCredential", made)

    def list_specific(self, parameters: Parameters) -> Answer:
        """The credentials of a user, without their secrets."""
        user = first(parameters, "UserName")
        members = "".join(f"<member>{xml(one)}</member>" for one in self.specific.values() if one["UserName"] == user)
        listed = f"<ServiceSpecificCredentials>{members}</ServiceSpecificCredentials>"
        return self.answer("ListServiceSpecificCredentials", listed + NO_MORE)

    def update_specific(self, parameters: Parameters) -> Answer:
        """Set the status of a credential."""
        found = self.specific.get(first(parameters, "ServiceSpecificCredentialId"))
        if not found:
            return self.refuse("The service specific credential cannot be found.")
        found["Status"] = first(parameters, "Status")
        return self.answer("UpdateServiceSpecificCredential", "")

    def delete_specific(self, parameters: Parameters) -> Answer:
        """Delete a credential."""
        if not self.specific.pop(first(parameters, "ServiceSpecificCredentialId"), None):
            return self.refuse("The service specific credential cannot be found.")
        return self.answer("DeleteServiceSpecificCredential", "")


def first(parameters: Parameters, name: str) -> str:
    """One value of a query-protocol parameter, or empty."""
    return (parameters.get(name) or [""])[0]


def xml(values: Mapping[str, str]) -> str:
    """Flat XML elements."""
    return "".join(f"<{name}>{html.escape(value)}</{name}>" for name, value in values.items())


def owner_of_key(extract: Callable[..., str], keys: Mapping[str, Mapping[str, Any]]) -> Callable[..., str]:
    """Ministack's search for the ARN that a call is about, with the owner where IAM is asked about a key only."""

    def resource(*asked: Any) -> str:
        arn = extract(*asked)
        service, parameters, account = asked[0], asked[5], asked[7]
        key = keys.get(first(parameters, "AccessKeyId")) if service == "iam" and arn == "*" else None
        return f"arn:aws:iam::{account}:user/{key['UserName']}" if key else arn

    return resource


def correct(load: Callable[[str], Any]) -> None:
    """Put the corrections into ministack's modules. Raises `KeyError` where they are not what this was written for."""
    app, evaluator = load("ministack.app"), load("ministack.core.iam_evaluator")
    account = load("ministack.core.responses").get_account_id
    in_app, in_iam = vars(app), vars(load("ministack.services.iam"))
    in_sts, in_cloudtrail = vars(load("ministack.services.sts")), vars(load("ministack.services.cloudtrail"))
    trail = Trail(
        sessions=in_sts["_sessions"],
        roles=in_iam["_roles"],
        events=in_cloudtrail["_get_event_queue"],
        resolve=lambda key: evaluator.resolve_credential(key, account()),
        rejected=evaluator.CredentialResolutionError,
    )
    credentials = Credentials(
        keys=in_iam["_access_keys"],
        simulate={name: in_iam["_IAM_HANDLERS"][name] for name in SIMULATIONS},
        last_used=trail.last_used,
        answer=lambda action, inner: in_iam["_xml"](
            200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>", ns="iam"
        ),
        refuse=lambda message: in_iam["_error"](404, "NoSuchEntity", message, ns="iam"),
    )
    in_iam["_IAM_HANDLERS"].update(credentials.handlers())
    in_cloudtrail["_DISPATCH"]["LookupEvents"] = lambda body: in_cloudtrail["_ok"](trail.lookup(body))
    in_actions = vars(load("ministack.core.iam_actions"))
    in_actions["extract_resource_arn"] = owner_of_key(in_actions["extract_resource_arn"], in_iam["_access_keys"])
    dispatch, routing = in_app["_dispatch_service_request"], in_app["_routing_params"]

    async def recorded(*received: Any) -> Answer:
        answer: Answer = await dispatch(*received)
        method, path, headers, body, query, _ = received
        service = app.detect_service(method, path, headers, routing(method, path, headers, body, query))
        key = app.extract_access_key_id(headers, query)
        if key and service != "cloudtrail":
            trail.record(Call(service, app.extract_region(headers), key, headers, body, answer[0], answer[2]))
        return answer

    in_app["_dispatch_service_request"] = recorded


def main() -> None:
    """Run the emulator in this process; settings come from the environment, as ministack documents them."""
    try:
        correct(importlib.import_module)
    except (ImportError, KeyError, AttributeError) as error:
        sys.exit(f"This is not ministack {VERSION}, which the corrections are written for: {error!r}")
    importlib.import_module("ministack.app").main()


if __name__ == "__main__":
    main()
