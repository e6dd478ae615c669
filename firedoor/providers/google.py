"""Google: API keys (Gemini, Maps, …) and keys of service accounts.

Sources: Google's discovery documents `apikeys.v2` (revision 20260818), `iam.v1` (20261023), `monitoring.v3` (20260129);
google/api/error_reason.proto; aikido.dev/blog/google-api-keys-deletion (2026-05): how long deleted keys go on working;
https://cloud.google.com/iam/docs/access-change-propagation.
"""

from firedoor.providers._provider import ByApi, Kind, Provider, Setting

_USAGE = "monitoring.timeSeries.list"

PROVIDER = Provider(
    name="google",
    title="Google",
    base_url="https://{host}.googleapis.com",
    docs="https://cloud.google.com/api-keys/docs/reference/rest",
    settings={
        "service_account_key": Setting(
            description="The JSON key file of the service account that firedoor acts as", secret=True
        ),
        "project": Setting(description="The project that is meant where no scope says it; the account's own if absent"),
    },
    rate=4,
    burst=10,
    kinds=(
        Kind(
            name="api_key",
            title="API key",
            id_pattern=r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            value_pattern=r"AIza[A-Za-z0-9_-]{35}|AQ\.[A-Za-z0-9_.-]{20,}",
            scope="the id or the number of the project",
            scope_pattern=r"([a-z0-9][a-z0-9.-]{1,60}:)?[a-z0-9][a-z0-9-]{3,40}",
            inventory=ByApi(
                call="apikeys: GET /v2/projects/{project}/locations/global/keys", permission="apikeys.keys.list"
            ),
            verify=ByApi(
                call="generativelanguage: GET /v1/models, the value in the header x-goog-api-key",
                permission="apikeys.keys.lookup, apikeys.keys.get",
                note="a refusal counts only if Google deleted the key half an hour ago: a new key, which is not known "
                "everywhere yet, is refused in the same words",
            ),
            revoke=ByApi(
                call="apikeys: DELETE /v2/projects/{project}/locations/global/keys/{key}",
                permission="apikeys.keys.delete",
                note="by its value as well; can be undeleted for 30 days. Deleted keys go on working for 8 to 23 "
                "minutes: nothing makes that faster but switching the API off for the whole project",
            ),
            create=ByApi(
                call="apikeys: POST /v2/projects/{project}/locations/global/keys?keyId=",
                permission="apikeys.keys.create, apikeys.keys.getKeyString",
                note="with the restrictions, the annotations and the service account of the old key",
            ),
            usage=ByApi(
                call="monitoring: GET /v3/projects/{project}/timeSeries, "
                "serviceruntime.googleapis.com/api/request_count",
                permission=_USAGE,
                note="by hour, service (told as model) and region; six weeks",
            ),
            reversible=True,
            repeatable=True,
            lag=1800,
            wavers=True,
        ),
        Kind(
            name="service_account_key",
            title="service account key",
            id_pattern=r"[0-9a-f]{40}",
            scope="the address of the service account",
            scope_pattern=r"[a-z0-9][a-z0-9-]{0,62}@[a-z0-9][a-z0-9.-]{0,120}\.gserviceaccount\.com",
            inventory=ByApi(
                call="iam: GET /v1/projects/{project}/serviceAccounts/{account}/keys?keyTypes=USER_MANAGED",
                permission="iam.serviceAccountKeys.list, iam.serviceAccounts.list",
            ),
            verify=ByApi(
                call="oauth2: POST /token",
                note="gets an access token that may read the account's own address only, and drops it",
            ),
            revoke=ByApi(
                call="iam: POST /v1/projects/{project}/serviceAccounts/{account}/keys/{key}:disable",
                permission="iam.serviceAccountKeys.disable",
                note="can be enabled again. Access tokens that were got with it go on for an hour or longer: only "
                "disabling the service account itself ends them",
            ),
            create=ByApi(
                call="iam: POST /v1/projects/{project}/serviceAccounts/{account}/keys",
                permission="iam.serviceAccountKeys.create",
                note="an account has ten at most, disabled ones included; the value is the whole JSON key file",
            ),
            usage=ByApi(
                call="monitoring: GET /v3/projects/{project}/timeSeries, "
                "iam.googleapis.com/service_account/key/authn_events_count",
                permission=_USAGE,
                note="how often it authenticated, by hour; up to three hours late",
            ),
            reversible=True,
            named=False,
            lag=420,
        ),
    ),
)
