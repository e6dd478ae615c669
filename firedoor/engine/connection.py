"""The connection to Temporal: how it is made, and what its errors mean for a person."""

import asyncio

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from firedoor.config import Settings
from firedoor.converter import data_converter, load_key
from firedoor.errors import FiredoorError, UnreachableError, UsageError
from firedoor.incident import Timing, Verb

CONNECT_SECONDS = 5.0


async def connect(settings: Settings) -> Client:
    """A client of the configured Temporal. Raises `UnreachableError` with a checklist."""
    options = ClientConfig.load_client_connect_config(override_env_vars=settings.temporal_environment)
    address = options.get("target_host") or "localhost:7233"
    settings.home.mkdir(parents=True, exist_ok=True)
    key = load_key(settings.codec_key_path) if settings.codec else None
    options.setdefault("target_host", address)
    converter = data_converter(key=key, blobs=settings.blobs_path)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await Client.connect(**options, data_converter=converter)
    except (RuntimeError, RPCError, TimeoutError, OSError) as error:
        raise unreachable(address, str(error)) from error


def unreachable(address: str, why: str, changed: str = "Nothing was changed.") -> UnreachableError:
    """What was tried, and how to start a server."""
    return UnreachableError(
        f"No Temporal server answers at {address}.",
        changed=changed,
        next="\n".join(
            (
                "What to check:",
                "  1. Is one running on this machine?      firedoor up",
                f"  2. Is the address right?                TEMPORAL_ADDRESS is {address}",
                "  3. Does a profile say otherwise?        TEMPORAL_PROFILE, `temporal config list`",
                "  4. Is a firewall or VPN between?        temporal operator cluster health --address " + address,
                f"What the connection said: {_briefly(why)}",
            )
        ),
    )


def _briefly(why: str) -> str:
    """The reason inside the transport's words: `Server connection error: TransportError { … message: "…" }`."""
    for word in ("Connection refused", "timed out", "dns error", "certificate", "Connection reset"):
        if word.lower() in why.lower():
            return word.lower()
    return why.splitlines()[0][:160] if why else "nothing before the time was up"


def explained(
    error: RPCError, address: str, incident: str = "", *, changed: str = "Nothing was changed."
) -> FiredoorError:
    """What an answer of Temporal's means for a person."""
    if error.status is RPCStatusCode.NOT_FOUND and incident:
        return UsageError(
            f"There is no running incident {incident!r}: it never existed, or has ended.",
            next="firedoor list shows them.",
        )
    if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
        return unreachable(address, error.message, changed)
    if "search attribute" in error.message.lower():
        return FiredoorError(
            f"Temporal does not know firedoor's search attributes: {error.message}.",
            changed="Nothing was changed.",
            next="docs/how-to/temporal-cluster.md has the four commands that register them.",
        )
    return FiredoorError(f"Temporal refused: {error.message}.", changed="Nothing was changed.")


def unanswered(incident: str, verb: Verb | Timing, seconds: float, *, accepted: bool) -> UnreachableError:
    """No worker has answered a decision in time: what is known of it."""
    start = "Start a worker (`firedoor up`, or `firedoor worker`)"
    if accepted:
        return UnreachableError(
            f"{incident} has accepted `{verb}`, and did not finish it within {seconds:.0f} s.",
            changed="It is stored in Temporal and will not be lost: it takes effect as soon as it is in the timeline.",
            next=f"Do not repeat it. `firedoor doctor` says what is wrong; then look: firedoor show {incident}",
        )
    return UnreachableError(
        f"{incident} gave no answer within {seconds:.0f} s: no worker has taken `{verb}`.",
        changed="It has not taken effect, and is stored nowhere: Temporal holds it in memory until a worker comes, and"
        "\nforgets it when it is restarted. The incident itself is safe.",
        next=f"{start}, then look: firedoor show {incident}\nIf it has not taken effect by then, repeat it.",
    )
