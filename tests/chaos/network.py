"""A network that fails as its rules say: microburst, before AWS and before whoever takes a campaign's messages."""

import asyncio
import http.client
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firedoor.local import free_port
from firedoor.supervisor import Program, Supervisor
from tests.chaos.site import until

#: Seconds for its first answer: before that it loads a description of every service of AWS.
WARM = 60


class Proxy:
    """It runs. Rules are for requests in whose headers some texts stand: who signed them, for example."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def url(self) -> str:
        """Its address: for HTTP_PROXY, or in place of what it stands before."""
        return f"http://127.0.0.1:{self.port}"

    def spoil(self, rules: Sequence[Mapping[str, Any]], headers: Mapping[str, str]) -> None:
        """Add rules for such requests."""
        self._control("PATCH", [{**rule, "headers": headers} for rule in rules])

    def mend(self, headers: Mapping[str, str]) -> None:
        """Take the rules for such requests away."""
        self._control("DELETE", [{"headers": headers}])

    def _control(self, method: str, body: Any) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WARM)
        connection.request(method, "/_microburst/rules", json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        assert answer.status == http.HTTPStatus.OK, said


def signed_by(account: str) -> dict[str, str]:
    """What tells an account's calls of AWS."""
    return {"authorization": f"Credential={account}/"}


async def start_proxy(
    supervisor: Supervisor, program: Path, url: str, folder: Path, *, restarts: int | None = 0
) -> Proxy:
    """Start it before an address, without rules. They die with it: it is started again only if somebody wants that."""
    port = free_port()
    command = (str(program), "-u", url, "-p", str(port), "--host", "127.0.0.1")
    log = folder / "microburst.log"
    await supervisor.start(Program("microburst", command, log, restarts=restarts, patience=1))

    def warm() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WARM)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status > 0
        except OSError:
            return False
        finally:
            connection.close()

    await until(lambda: asyncio.to_thread(warm), "microburst answers", WARM)
    return Proxy(port)
