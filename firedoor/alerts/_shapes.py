"""What secrets look like: by their own shape, by what stands before them, by their name, by what stands beside them.

Every expression is linear in the length of the text: none has to find something after a run of any length, unless it
can only begin where the run begins, or the run is short.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from firedoor.providers import providers
from firedoor.runbook.document import SECRET

REMOVED = "[removed]"
FINGERPRINT = re.compile(r"sha256:[0-9a-f]{16}")
#: What AWS calls its credentials and principals: public.
AWS_ID = re.compile(r"(?:AKIA|ASIA|ACCA|AROA|AIDA|ANPA|AGPA|AIPA|ASCA)[A-Z0-9]{12,124}")
#: The id of an access key, in a text: somewhere there is a secret half.
AWS_KEY = re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,124}(?![A-Z0-9])")
#: Where the id of an AWS key is: its other half.
AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
#: No shorter text is looked at.
SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """What one kind of secret looks like. A text without any of `markers`, in lower case, has none.

    `probe` says of such a text, at little cost, whether the pattern may fit somewhere; it may be wrong in saying yes.
    """

    markers: tuple[str, ...]
    pattern: re.Pattern[str]
    probe: Callable[[str], bool] | None = None

    def within(self, lower: str) -> bool:
        """May a text hold one, whose lower case this is?"""
        return any(marker in lower for marker in self.markers) and (self.probe is None or self.probe(lower))


def _shape(markers: str, pattern: str) -> Shape:
    return Shape(tuple(markers.split()), re.compile(pattern))


#: Up to its end, the next quote or another line of dashes: it may be cut off.
PRIVATE_KEY = _shape(
    "private",
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
    r"[^\-\"]*(?:-(?!----)[^\-\"]*)*(?:-----END [A-Z0-9 ]{0,60}-----)?",
)
#: Values with a prefix of their own.
_OWN = (
    PRIVATE_KEY,
    _shape("xox", r"xox[a-z]-[A-Za-z0-9-]{10,}"),
    _shape("xapp-", r"xapp-\d-[A-Za-z0-9-]{10,}"),
    _shape("hooks.slack.com/", r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}"),
    # GitHub's newer tokens hold a JWT, with dots.
    _shape("ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9_]{20,}(?:\.[A-Za-z0-9_-]{6,}){0,2}"),
    _shape("github_pat_", r"github_pat_[A-Za-z0-9_]{20,}"),
    _shape("gl", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas|wt|ffct)-[A-Za-z0-9_.-]{16,}"),
    _shape("sk-", r"(?<![A-Za-z0-9])sk-[A-Za-z0-9]{32,}"),
    _shape("gsk_", r"gsk_[A-Za-z0-9]{20,}"),
    _shape("api_org_", r"api_org_[A-Za-z0-9]{20,}"),
    _shape("k_live_ k_test_", r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"),
    _shape("whsec_", r"whsec_[A-Za-z0-9+/=]{16,}"),
    _shape("npm_", r"npm_[A-Za-z0-9]{30,}"),
    _shape("pypi-", r"pypi-[A-Za-z0-9_-]{30,}"),
    _shape("ya29.", r"ya29\.[A-Za-z0-9_-]{20,}"),
    _shape("gocspx-", r"GOCSPX-[A-Za-z0-9_-]{20,}"),
    _shape("absk", r"(?<![A-Za-z0-9+/])ABSK[A-Za-z0-9+/=]{60,}"),
    _shape("bedrock-api-key-", r"bedrock-api-key-[A-Za-z0-9+/=]{20,}"),
    _shape("hvs. hvb.", r"hv[sb]\.[A-Za-z0-9_-]{20,}"),
    _shape("dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{20,}"),
    _shape("_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _shape("dapi", r"dapi[0-9a-f]{32}"),
    _shape("shp", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    _shape("xai-", r"xai-[A-Za-z0-9]{40,}"),
    _shape("r8_", r"(?<![A-Za-z0-9])r8_[A-Za-z0-9]{30,}"),
    _shape("atatt3", r"ATATT3[A-Za-z0-9_=-]{50,}"),
    _shape("age-secret-key-1", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}"),
    _shape("eyj", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,3}"),
)
#: What only looks like a value: the expression of a provider that finds one of these says nothing.
HARMLESS = (
    "0123456789abcdef" * 4,
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "0b6d3f1e-7a52-4c8e-9f10-2d3c4b5a6978",
    "AKIAIOSFODNN7EXAMPLE",
    "UnauthorizedAccess-IAMUser-InstanceCredentialExfiltration",
    "arn:aws:iam::111122223333:user/a-user-with-a-rather-long-name-0123456789",
    "MDEwOlJlcG9zaXRvcnkyNTc0MjM1NjEyNTc0MjM1NjE",
    "ThisIsTheNameOfSomethingThatIsAsLongAsAValueCanBe0123456789",
)

#: The value of what is named so is a secret, whatever it looks like. Lower case, without `-`, `_` and spaces.
NAMES = frozenset(
    [
        "accesstoken",
        "adminkey",
        "apikey",
        "apisecret",
        "apitoken",
        "appkey",
        "applicationkey",
        "appsecret",
        "authorization",
        "authtoken",
        "awssecretaccesskey",
        "awssessiontoken",
        "bearertoken",
        "clientsecret",
        "connectionstring",
        "idtoken",
        "passphrase",
        "passwd",
        "password",
        "privatekey",
        "proxyauthorization",
        "pwd",
        "refreshtoken",
        "secret",
        "secretaccesskey",
        "secretbinary",
        "secretkey",
        "secretstring",
        "secretvalue",
        "securitytoken",
        "sessiontoken",
        "signingsecret",
        "token",
        "unsubscribeurl",
        "webhooksecret",
        "xapikey",
    ]
)
#: What of a result of TruffleHog is the secret itself.
FOUND = frozenset({"Raw", "RawV2", "SecretParts", "StructuredData"})

_NAME = (
    r"(?:secret[_-]?(?:access[_-]?)?key|client[_-]?secret|signing[_-]?secret|webhook[_-]?secret"
    r"|(?:api|app|admin|application|account|private)[_-]?key|api[_-]?(?:token|secret)"
    r"|(?:access|auth|refresh|session|security|id|bearer)[_-]?token|passw(?:or)?d|passphrase|pwd|authorization"
    r"|x-amz-(?:signature|security-token)|(?<=[\"'])(?:secret|token)(?=[\"']))"
)
#: How every name above ends, with what may stand between it and its value.
_ENDINGS = ("key", "token", "secret", "passwd", "password", "passphrase", "pwd", "authorization", "signature")
_ASSIGNS = re.compile(r"[:=]")
_BETWEEN = " \t\"'"
_NEAR = 24


def _assigned(lower: str) -> bool:
    """Does one of the names stand before a `:` or `=`? Ten times quicker than to look for the names."""
    starts = (one.start() for one in _ASSIGNS.finditer(lower))
    return any(lower[max(0, at - _NEAR) : at].rstrip(_BETWEEN).endswith(_ENDINGS) for at in starts)


#: Neither what has been taken out already, nor what is public.
_NOT = rf"(?!sha256:[0-9a-f]{{16}}|\[removed\]|{AWS_ID.pattern})"
#: A secret because of what stands before it: group 1, which stays.
CONTEXTS = (
    # key = value, "key": "value", ?key=value
    Shape(
        ("key", "token", "secret", "passw", "passphrase", "pwd", "authorization", "x-amz-"),
        re.compile(
            rf"({_NAME}[\"']?[ \t]{{0,3}}[:=][ \t]{{0,3}}[\"']?(?:(?:bearer|basic|token) )?+)"
            rf"{_NOT}[^\s\"'&,;<>{{}}\[\]]{{{SHORTEST},}}",
            re.IGNORECASE,
        ),
        _assigned,
    ),
    Shape(
        ("bearer ", "bearer\t", "basic ", "basic\t"),
        re.compile(rf"(\b(?:bearer|basic)[ \t]{{1,3}}){_NOT}[A-Za-z0-9._~+/=-]{{16,}}", re.IGNORECASE),
    ),
    _shape("=", rf"([?&](?:token|key|sig|signature|secret|auth)=){_NOT}[^\s\"'&#]{{8,}}"),
    # https://user:password@host
    _shape("://", rf"(://[^\s/:@\"]{{0,100}}:){_NOT}[^\s/@\"]{{1,200}}(?=@)"),
    # A result of TruffleHog in JSON that is cut off.
    _shape(
        '"raw "secretparts',
        rf"(\"(?:Raw|RawV2|SecretParts)\"[ \t]{{0,3}}:[ \t]{{0,3}})"
        rf"(?:\"{_NOT}(?:[^\"\\]|\\.)*\"?|\{{[^}}]*\}}?)",
    ),
)


@cache
def shapes() -> tuple[Shape, ...]:
    """Every shape: firedoor's own, what a runbook must not hold, and what the providers know of their values."""
    patterns = [kind.value_pattern for one in providers().values() for kind in one.kinds if kind.value_pattern]
    found = [re.compile(one) for one in dict.fromkeys(patterns)]
    known = [one for one in found if not any(one.search(text) for text in HARMLESS)]
    return (*_OWN, *(Shape(("",), one) for one in (SECRET, *known)))
