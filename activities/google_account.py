"""A service account of Google by its JSON key file: what it signs, and the access tokens that Google gives for that.

The provider `google` and the sink `gcp-sm` act as one; a leaked key file is tried in the same way. API:
https://developers.google.com/identity/protocols/oauth2/service-account. Nothing is taken from the environment or from a
metadata server, and no file says where to go: the `token_uri` of a leaked one may be anybody's.
"""

import hashlib
import json
import time
from dataclasses import dataclass, field, replace

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr

from activities._http import WORDS, Http, ProviderError, Reply, Request, plain
from activities.access_tokens import AccessTokens
from firedoor.errors import StepError

#: The setting of the provider and of the sink.
SETTING = "service_account_key"
AUDIENCE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: What firedoor itself acts with: IAM decides what that is.
EVERYTHING = "https://www.googleapis.com/auth/cloud-platform"
#: What a leaked key is tried with: the token that comes of it can read the account's own address, and is dropped.
ADDRESS_ONLY = "https://www.googleapis.com/auth/userinfo.email"
#: How long an assertion may be used: Google takes no more. Seconds.
LIFE = 3600
UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What is in a JSON key file. `project` is empty where it is not said."""

    email: str
    key_id: str
    project: str
    key: RSAPrivateKey = field(repr=False)

    @classmethod
    def of(cls, value: SecretStr) -> "ServiceAccount | None":
        """The account of a key file; None for what is none, or holds no RSA key."""
        try:
            found = json.loads(value.get_secret_value())
            key = load_pem_private_key(str(found["private_key"]).encode(), password=None)
            if not isinstance(key, RSAPrivateKey):
                return None
            return cls(
                str(found["client_email"]), str(found["private_key_id"]), str(found.get("project_id") or ""), key
            )
        except (ValueError, LookupError, TypeError, UnsupportedAlgorithm):
            return None

    def exchange(self, http: Http, scope: str) -> Request:
        """The request for an access token. It changes nothing; 400 and 401 are answers."""
        now = int(time.time())
        claims = {"iss": self.email, "scope": scope, "aud": AUDIENCE, "iat": now, "exp": now + LIFE}
        assertion = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.key_id})
        return Request(
            "POST",
            "/token",
            base=address(http, "oauth2"),
            form={"grant_type": GRANT, "assertion": assertion},
            secrets=[SecretStr(assertion)],
            reads=True,
            statuses={400, 401},
        )


TOKENS = AccessTokens()


def send_as(http: Http, key_file: SecretStr, host: str, request: Request) -> Reply:
    """Send a request to one of Google's hosts as a service account. Raises `StepError`.

    A kept token that Google refuses (its account was disabled for a while) is replaced once: a call that was refused
    with 401 was not carried out.
    """
    name = (http.base_url, hashlib.sha256(key_file.get_secret_value().encode()).hexdigest())
    for again in (False, True):
        token = TOKENS.get(name, lambda: _minted(http, key_file))
        headers = {**request.headers, "Authorization": f"Bearer {token.get_secret_value()}"}
        carrying = replace(request, base=address(http, host), headers=headers, secrets=[*request.secrets, token])
        try:
            return http.send(carrying)
        except ProviderError as error:
            if again or error.status != UNAUTHORIZED:
                raise
        TOKENS.forget(name)
    raise AssertionError("the second try returns or raises")


def address(http: Http, host: str) -> str:
    """Where a host of Google is: `{host}` in the base_url, which tests and private endpoints have their own of."""
    return http.base_url.replace("{host}", host)


def project_of(email: str) -> str:
    """The project of a service account, by its address; `-`, by which Google finds it, where that does not tell.

    https://cloud.google.com/iam/docs/service-account-types: NAME@PROJECT.iam.…, NUMBER-compute@developer.…,
    PROJECT@appspot.…; a project of a domain is DOMAIN:PROJECT and stands there as PROJECT.DOMAIN.
    """
    name, _, domain = email.partition("@")
    if domain == "developer.gserviceaccount.com":
        return name.partition("-")[0]
    if domain == "appspot.gserviceaccount.com":
        return name
    project, _, organization = domain.removesuffix(".iam.gserviceaccount.com").partition(".")
    if not domain.endswith(".iam.gserviceaccount.com"):
        return "-"
    return f"{organization}:{project}" if organization else project


def _minted(http: Http, key_file: SecretStr) -> tuple[SecretStr, float]:
    """A new token, and how many seconds it lives."""
    account = ServiceAccount.of(key_file)
    if account is None:
        raise StepError(
            "credentials_missing",
            f"What {SETTING} refers to is no JSON key file of a service account, so firedoor cannot act at Google.",
            next=f"Let {SETTING} in [{http.table}] of firedoor.toml refer to the whole file, as Google gave it, and "
            "restart the worker.",
        )
    data = http.send(account.exchange(http, EVERYTHING)).data
    if not isinstance(data, dict) or not data.get("access_token"):
        said = plain(str((data or {}).get("error_description") or (data or {}).get("error") or ""))[:WORDS].rstrip(". ")
        raise StepError(
            "credentials_expired",
            f"Google gives no access token for the key {account.key_id} of {account.email}, which firedoor works with"
            + (f": “{said}”." if said else "."),
            next="Look whether the key and its account are enabled, and whether this machine's clock is right. "
            f"Put a working key where {SETTING} in [{http.table}] of firedoor.toml says, then retry the step.",
        )
    return SecretStr(str(data["access_token"])), float(data.get("expires_in") or 0)
