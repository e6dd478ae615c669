"""HashiCorp Vault and OpenBao: secrets of the KV engine, version 2."""

from firedoor.providers._provider import Setting
from firedoor.sinks._store import Store

STORE = Store(
    scheme="vault",
    title="Vault or OpenBao (KV version 2)",
    name_pattern=r"[\w.-]{1,100}(/[\w. -]{1,200}){1,10}",
    example="vault:secret/gateway?field=openai",
    options={
        "field": "the field of the secret that holds the value; value if absent",
        "mount": "the mount of the engine, where its path has more than one part",
    },
    settings={
        "token": Setting(description="A token that may read, write and destroy below the paths", secret=True),
        "namespace": Setting(description="The namespace, if any"),
    },
    permissions=(
        "read, create, update on MOUNT/data/PATH",
        "read, create, update on MOUNT/metadata/PATH",
        "update on MOUNT/destroy/PATH",
    ),
    reading=("read on MOUNT/data/PATH",),
    versions=True,
)
