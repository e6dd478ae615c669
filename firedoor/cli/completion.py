"""`firedoor completion`: the completion script of a shell."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from firedoor.cli.app import build

Shell = Annotated[Literal["bash", "zsh", "fish"], Parameter(help="bash, zsh or fish.", show_choices=False)]


def completion(shell: Shell, /) -> None:
    """Print the completion script of a shell.

    bash  eval "$(firedoor completion bash)"                  in ~/.bashrc
    zsh   firedoor completion zsh > "${fpath[1]}/_firedoor"
    fish  firedoor completion fish | source                   in config.fish
    """
    sys.stdout.write(build().generate_completion(prog_name="firedoor", shell=shell))
