"""Kubernetes: one key of a Secret."""

from firedoor.providers._provider import Setting
from firedoor.sinks._store import Store

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
#: What Kubernetes puts into every pod that has a service account.
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

STORE = Store(
    scheme="k8s",
    title="Kubernetes",
    name_pattern=rf"{LABEL}/{LABEL}(\.{LABEL}){{0,10}}",
    example="k8s:gateway/provider-keys?key=openai",
    options={"key": "the key of the Secret's data that holds the value"},
    required=("key",),
    settings={"token": Setting(description=f"A bearer token; inside the cluster `file:{ACCOUNT}/token`", secret=True)},
    base_url="https://kubernetes.default.svc",
    permissions=(
        "get and patch of secrets, which may be limited to the one by resourceNames",
        "create of secrets, where the Secret does not exist yet",
    ),
    reading=("get of secrets",),
    notes=(
        (
            f"Inside a cluster, base_url may be left out, and `ca_file` is `{ACCOUNT}/ca.crt`. Outside, both are those "
            "of the cluster's kubeconfig. One installation of firedoor writes to one cluster."
        ),
        (
            "Pods do not fetch a new value by themselves: one that has it in an environment variable, or mounts it "
            "with subPath, keeps the old one until it is started again (`kubectl rollout restart`); a mounted file "
            "follows within a minute or two. Leave time for that: `grace` of the step."
        ),
        (
            "A write names the resourceVersion that was read, so that nothing is overwritten unseen; what others "
            "change in the same Secret meanwhile does not matter unless it is this key. Which rotation wrote it, and "
            "when, stands in the annotation `firedoor.local/rotations`. A Secret that says `immutable: true` is "
            "refused. Before any consumer sees the value, the write is tried as a dry run."
        ),
        (
            "Where Secrets come from Git or from another store (External Secrets, Sealed Secrets), their controller "
            "writes the old value back: name the place that it reads instead."
        ),
    ),
    rate=10,
    burst=20,
)
