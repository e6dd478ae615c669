"""GitHub: secrets of Actions, Dependabot and Codespaces, of a repository, an environment or an organization."""

from firedoor.providers._provider import Setting
from firedoor.sinks._store import Store

#: GitHub allows no name that begins with GITHUB_, and tells none apart by its case.
NAME = r"(?!(?i:github)_)[A-Za-z_][A-Za-z0-9_]{0,99}"

STORE = Store(
    scheme="github",
    title="GitHub secrets",
    name_pattern=rf"(actions|dependabot|codespaces)/[A-Za-z0-9][A-Za-z0-9-]{{0,38}}(/[A-Za-z0-9_.-]{{1,100}})?/{NAME}",
    example="github:actions/acme/gateway/OPENAI_API_KEY",
    options={
        "environment": "the environment of the repository, for a secret of Actions that is one of its",
        "visibility": "who may use a secret of an organization that does not exist yet: all, private, or selected, "
        "which is nobody until somebody selects repositories",
    },
    settings={
        "token": Setting(
            description="A fine-grained personal access token, or a token of an app's installation", secret=True
        )
    },
    base_url="https://api.github.com",
    permissions=(
        "Secrets, Environments, Dependabot secrets or Codespaces secrets of the repository: write",
        "Organization secrets, Organization dependabot secrets or Organization codespaces secrets: write",
    ),
    notes=(
        (
            "`github:actions/OWNER/REPOSITORY/NAME` is a secret of a repository, with `?environment=` one of an "
            "environment, `github:actions/ORGANIZATION/NAME` one of an organization. The three kinds are three "
            "stores: a value that Dependabot needs as well has to be written to both."
        ),
        (
            "GitHub never shows a value, and has no compare-and-swap: that a secret changed is known by its "
            "`updated_at`, which is in whole seconds. Two writes within one second look like one, and a write by "
            "somebody else between firedoor's last look and its own write is overwritten. One that comes before that "
            "look is noticed, and refused."
        ),
        (
            "Right before a value, a mark is written: a secret without a value of use, named "
            "`FIREDOOR_<rotation>_<updated_at before>_<NAME>`, in the same store; in an organization no repository "
            "may use it. By it an interrupted rotation knows its own write again, if it came within ten minutes of "
            "the mark; what somebody else wrote in those minutes, with firedoor interrupted before its own write, is "
            "taken for it. The last mark of a secret stays, needs room beside it (100 secrets a repository, 1,000 an "
            "organization), and may be deleted when no rotation is under way."
        ),
        (
            "Who may use a secret of an organization stays as it is: its visibility and selected repositories are "
            "read right before the write, which names them again."
        ),
        (
            "Workflow runs get the secrets of repositories and organizations when they are queued, jobs those of "
            "their environment when they start: what was queued before goes on with the old value."
        ),
        (
            "Installation tokens of an app live for an hour: let the reference name a file that something else keeps "
            "fresh."
        ),
    ),
    readable=False,
    swaps=False,
    rate=1,
    burst=30,
)
