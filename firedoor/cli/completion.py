"""`firedoor completion`: the completion script of a shell."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from firedoor.cli.app import build

Shell = Annotated[Literal["bash", "zsh", "fish"], Parameter(help="bash, zsh or fish.", show_choices=False)]


def completion(shell: Shell, /) -> None:
    """Print the completion script of a shell.

    bash  firedoor completion bash > ~/.local/share/bash-completion/completions/firedoor
    zsh   firedoor completion zsh > "${fpath[1]}/_firedoor"
    fish  firedoor completion fish > ~/.config/fish/completions/firedoor.fish
    """
    sys.stdout.write(build().generate_completion(prog_name="firedoor", shell=shell))
