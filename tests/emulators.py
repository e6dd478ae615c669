"""AWS emulators for tests: real servers on free loopback ports, one for the whole run, ended by their process ids.

`ministack` refuses inactive keys and evaluates policies and their conditions; `moto` knows the two-key limit. What each
gets wrong is in the documentation of the drill; a claim is tested with the one that is right about it.
"""

import http.client
import json
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.loaders import create_loader
from botocore.session import get_session

from firedoor.local import free_port

REGION = "us-east-1"
ACCOUNT = "000000000000"
#: Shared, because reading the description of IAM takes longer than most tests.
LOADER = create_loader()
CLIENT = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=20)


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials of a fake principal."""

    access_key_id: str
    secret: str
    token: str = ""


ROOT = Keys("test", "test")


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator."""

    port: int

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def session(self, keys: Keys = ROOT) -> boto3.Session:
        """A boto3 session with these credentials: the same one each time, as making one takes longer than a call."""
        return _session(keys)

    def client(self, service: str, keys: Keys = ROOT) -> Any:
        """A client of the emulator, the same one each time; the root user's without `keys`."""
        return _client(self.url, service, keys)

    def reset(self, path: str = "/_ministack/reset") -> None:
        """Forget everything; moto's path is another."""
        assert _status(self.port, "POST", path) == 200


@lru_cache(maxsize=64)
def _session(keys: Keys) -> boto3.Session:
    inner = get_session()
    inner.register_component("data_loader", LOADER)
    return boto3.Session(
        keys.access_key_id, keys.secret, keys.token or None, region_name=REGION, botocore_session=inner
    )


@lru_cache(maxsize=64)
def _client(url: str, service: str, keys: Keys) -> Any:
    return _session(keys).client(service, endpoint_url=url, config=CLIENT)


@dataclass(frozen=True, slots=True)
class People:
    """Makes users, roles and keys in one account of an emulator; `root` are the keys of that account's root."""

    emulator: Emulator
    root: Keys = ROOT

    def user(self, name: str, *actions: str, path: str = "/") -> Keys:
        """A user with one key, allowed to do `actions`."""
        iam = self.emulator.client("iam", self.root)
        iam.create_user(UserName=name, Path=path)
        if actions:
            iam.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=allow(*actions))
        return self.key(name)

    def key(self, user_name: str) -> Keys:
        """One more key for a user."""
        made = self.emulator.client("iam", self.root).create_access_key(UserName=user_name)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    def role(self, name: str, *actions: str, trusts: str = ACCOUNT, external_id: str = "") -> str:
        """A role that the account `trusts` may assume (with the external id), allowed to do `actions`; its ARN."""
        iam = self.emulator.client("iam", self.root)
        trust: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{trusts}:root"},
            "Action": "sts:AssumeRole",
        }
        if external_id:
            trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if actions:
            iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=allow(*actions))
        return arn

    def assume(self, keys: Keys, role_arn: str) -> Keys:
        """A session of a role."""
        sts = self.emulator.client("sts", keys)
        return _keys(sts.assume_role(RoleArn=role_arn, RoleSessionName="session")["Credentials"])

    def session_token(self, keys: Keys) -> Keys:
        """A session of a user."""
        return _keys(self.emulator.client("sts", keys).get_session_token()["Credentials"])


def allow(*actions: str) -> str:
    """A policy that allows actions on everything."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextmanager
def ministack(binary: Path) -> Generator[Emulator]:
    """A ministack that checks credentials and policies, with the drill's corrections to what it records."""
    port = free_port()
    program = [
        str(binary.parent / "python"),
        "-I",
        str(Path(__file__).parents[1] / "firedoor" / "drill" / "ministack.py"),
    ]
    environment = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "PATH": "/usr/bin:/bin",
    }
    with _serving(program, port, "/_ministack/health", environment):
        yield Emulator(port)


@contextmanager
def moto(binary: Path) -> Generator[Emulator]:
    """A server of moto; credentials are not checked."""
    port = free_port()
    program = [str(binary), "-H", "127.0.0.1", "-p", str(port)]
    with _serving(program, port, "/moto-api/", {"PATH": "/usr/bin:/bin"}):
        yield Emulator(port)


@contextmanager
def _serving(program: list[str], port: int, health: str, environment: dict[str, str]) -> Generator[None]:
    process = subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while _status(port, "GET", health) != 200:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{program[0]} did not start: exit code {process.poll()}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _status(port: int, method: str, path: str) -> int:
    """The status that a server answers with; 0 if it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _keys(credentials: dict[str, Any]) -> Keys:
    return Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
