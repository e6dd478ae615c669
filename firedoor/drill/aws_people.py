"""Who acts on the AWS stage beside the responders: an attacker and a production workload.

Both are loops in threads of their own that make real calls, and write down what each call was answered. Neither keeps a
secret that it read.
"""

import datetime
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from firedoor.drill.emulators import Aws, AwsKey
from firedoor.drill.result import Attempt

#: Only these answers say that the door is shut. An expired token, throttling or a lost connection prove nothing.
REFUSALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
    }
)

#: Seconds between two rounds of somebody's calls.
PACE = 0.5

ROLE_SESSION = "session of the role"

#: The user that the attacker makes, and what it gives it.
BACKDOOR = "support-tools"
READ_SECRETS = (
    '{"Version": "2012-10-17", "Statement": '
    '[{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}'
)


def now() -> str:
    """This moment, RFC 3339 UTC with milliseconds."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Person(ABC):
    """Somebody who goes on making calls until told to stop."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.attempts: list[Attempt] = []
        self._clients: dict[tuple[str, str], Any] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=type(self).__name__, daemon=True)

    @abstractmethod
    def round(self) -> None:
        """One round of calls."""

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after the current round; no-op for somebody who never began."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(30)

    def pause(self) -> None:
        """Wait as long as between two rounds."""
        time.sleep(PACE)

    def call(self, who: str, key: AwsKey, call: str, **arguments: Any) -> dict[str, Any]:
        """Make `service:Operation` with a key; returns what it says, empty if refused. Written down either way."""
        service, _, operation = call.partition(":")
        client = self._clients.get((service, key.id))
        if client is None:
            client = self._clients[service, key.id] = self.aws.client(service, key)
        said: dict[str, Any] = {}
        try:
            said = getattr(client, xform_name(operation))(**arguments)
            answer = "ok"
        except ClientError as error:
            answer = str(error.response["Error"]["Code"])
        except BotoCoreError as error:
            answer = type(error).__name__
        self.attempts.append(Attempt(who=who, call=call, answer=answer, at=now()))
        return said

    def session(self, who: str, key: AwsKey, call: str, **arguments: Any) -> AwsKey | None:
        """The session that an STS call gives, or None if it is refused."""
        credentials = self.call(who, key, call, **arguments).get("Credentials")
        if not credentials:
            return None
        return AwsKey(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each of their credentials got which answer."""
        counted: dict[str, Counter[str]] = {}
        for attempt in self.attempts:
            counted.setdefault(attempt.who, Counter())[attempt.answer] += 1
        return {who: dict(answers) for who, answers in counted.items()}

    def _loop(self) -> None:
        while not self._stopped.is_set():
            self.round()
            self._stopped.wait(PACE)


class Attacker(Person):
    """Has a leaked key, makes another key, another user and sessions from it, and goes on using all of them.

    Every round tries each credential on the secrets. When a session of the role is refused, it goes for a new one with
    everything else that it has: somebody who watches the door close looks for the next one.
    """

    def __init__(self, aws: Aws, stolen: Mapping[str, AwsKey], *, role_arn: str, secret: str) -> None:
        super().__init__(aws)
        self.credentials = dict(stolen)
        self._role_arn = role_arn
        self._secret = secret

    def arm(self, who: str) -> None:
        """What a thief does in the first minutes: a second key, another user with a key, sessions that outlive them."""
        key = self.credentials[who]
        user = self.call(who, key, "sts:GetCallerIdentity").get("Arn", "").rpartition("/")[2]
        made = self.call(who, key, "iam:CreateAccessKey", UserName=user).get("AccessKey")
        if made:
            self.credentials["the second key it made"] = AwsKey(made["AccessKeyId"], made["SecretAccessKey"])
        self._leave_behind(who, key)
        own = self.session(who, key, "sts:GetSessionToken")
        if own:
            self.credentials["a session of the user"] = own
        self._assume(who)

    def round(self) -> None:
        """Read a secret with everything there is; if a role's session is refused, try to get another one."""
        refused = False
        for who, key in list(self.credentials.items()):
            said = self.call(who, key, "secretsmanager:GetSecretValue", SecretId=self._secret)
            refused = refused or (not said and who.startswith(ROLE_SESSION))
        if refused:
            for who in [who for who in self.credentials if not who.startswith(ROLE_SESSION)]:
                self._assume(who)

    def _leave_behind(self, who: str, key: AwsKey) -> None:
        """A user of its own, with a name that looks like everybody's."""
        name = {"UserName": BACKDOOR}
        self.call(who, key, "iam:CreateUser", **name)
        self.call(who, key, "iam:PutUserPolicy", **name, PolicyName="tools", PolicyDocument=READ_SECRETS)
        made = self.call(who, key, "iam:CreateAccessKey", **name).get("AccessKey")
        if made:
            self.credentials["the key of a user it made"] = AwsKey(made["AccessKeyId"], made["SecretAccessKey"])

    def _assume(self, who: str) -> None:
        session = self.session(
            who, self.credentials[who], "sts:AssumeRole", RoleArn=self._role_arn, RoleSessionName="maintenance"
        )
        if session:
            number = sum(name.startswith(ROLE_SESSION) for name in self.credentials) + 1
            self.credentials[f"{ROLE_SESSION} {number}"] = session


class Workload(Person):
    """Production: assumes its role with its own key and reads secrets; assumes it again when its session is refused."""

    WHO = "production"

    def __init__(self, aws: Aws, key: AwsKey, *, role_arn: str, secret: str) -> None:
        super().__init__(aws)
        self._key = key
        self._role_arn = role_arn
        self._secret = secret
        self._current: AwsKey | None = None

    def round(self) -> None:
        """Read a secret, as a gateway does; a refused session is replaced and the read tried once more."""
        for _ in range(2):
            self._current = self._current or self.session(
                self.WHO, self._key, "sts:AssumeRole", RoleArn=self._role_arn, RoleSessionName="gateway"
            )
            if self._current and self.call(
                self.WHO, self._current, "secretsmanager:GetSecretValue", SecretId=self._secret
            ):
                return
            self._current = None

    def interrupted(self) -> float:
        """The longest time between two reads that worked, in seconds, where one in between did not."""
        longest, last, failed = 0.0, None, False
        for attempt in self.attempts:
            if attempt.answer != "ok":
                failed = True
            elif attempt.call == "secretsmanager:GetSecretValue":
                at = datetime.datetime.fromisoformat(attempt.at)
                if failed and last:
                    longest = max(longest, (at - last).total_seconds())
                last, failed = at, False
        return longest
