"""GCP Secret Manager.

Sources: Google's discovery document `secretmanager.v1` (revision 20261021); https://cloud.google.com/secret-manager/docs/etags.
"""

from firedoor.providers._provider import Setting
from firedoor.sinks._store import Store

STORE = Store(
    scheme="gcp-sm",
    title="GCP Secret Manager",
    name_pattern=r"([a-z0-9][a-z0-9.-]{1,60}:)?[a-z0-9][a-z0-9-]{3,40}/[A-Za-z0-9_-]{1,255}",
    example="gcp-sm:my-project/openai-key",
    options={"location": "the location of a regional secret, europe-west1 for one"},
    settings={
        "service_account_key": Setting(
            description="The JSON key file of the service account that firedoor acts as", secret=True
        )
    },
    base_url="https://{host}.googleapis.com",
    permissions=(
        "secretmanager.secrets.get",
        "secretmanager.secrets.update",
        "secretmanager.versions.list",
        "secretmanager.versions.get",
        "secretmanager.versions.access",
        "secretmanager.versions.add",
        "secretmanager.versions.destroy",
    ),
    reading=("secretmanager.versions.list", "secretmanager.versions.get", "secretmanager.versions.access"),
    notes=(
        "Consumers who read the version `latest` get a new value at once; who reads a number must be told the new one.",
        (
            "Google adds versions without a compare-and-swap. Which rotation writes stands in annotations of the "
            "secret, guarded by its etag. Where somebody else adds a version in the same moment, firedoor sees it by "
            "the number, adds their value again as the newest one and destroys its own: for a moment consumers could "
            "get firedoor's."
        ),
        (
            "Mode breach destroys every version before the new one. Where the secret delays destruction (its version "
            "destroy TTL), they are disabled, and can be enabled again until the delay is over."
        ),
    ),
    swaps=False,
    versions=True,
    rate=8,
    burst=20,
)
