"""`firedoor worker`: become a worker."""

import os
import sys
from typing import Annotated

from cyclopts import Parameter

from firedoor.app import app_folder

Options = Annotated[str, Parameter(help="--urgent, --bulk or --all.", allow_leading_hyphen=True)]


def worker(*option: Options) -> None:
    """Serve incidents until stopped.

    --urgent serves incidents, --bulk the mass work of a for_each at low
    priority, --all (the default) both in one process. With a process for each,
    ten thousand targets do not slow down the next incident. If nobody serves
    mass work, every for_each waits.

    Runs worker.py of the installed application folder in place of this process,
    so that signals reach it. Any number of workers may serve one Temporal.
    """
    script = app_folder() / "worker.py"
    os.execv(sys.executable, [sys.executable, str(script), *option])
