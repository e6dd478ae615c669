"""Azure OpenAI: the two keys of an account, and whether an account takes keys at all.

Sources: Azure/azure-rest-api-specs `Microsoft.CognitiveServices` (2024-10-01) `Accounts_*`; learn.microsoft.com,
"Rotate keys", "Disable local authentication", "Models - List" of Azure OpenAI (read 2026-11).
"""

from firedoor.providers._provider import ByApi, ByHand, Kind, Never, Provider, Setting

_SUBSCRIPTION = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
#: Microsoft's own rules for the names of resource groups and accounts, without those that are a path's dots.
_GROUP, _NAME = r"[\w()-][\w().-]{0,89}(?<!\.)", r"[A-Za-z0-9][A-Za-z0-9_.-]{1,63}"
ACCOUNT = rf"{_SUBSCRIPTION}/{_GROUP}/{_NAME}"
#: What a list can be narrowed to: a subscription, a resource group, an account.
PLACE = rf"(?P<subscription>{_SUBSCRIPTION})(/(?P<group>{_GROUP})(/(?P<account>{_NAME}))?)?"
_READ = "Microsoft.CognitiveServices/accounts/read"
_KEYS = "Microsoft.CognitiveServices/accounts/listKeys/action"
_VERIFY = ByApi(
    call="GET {endpoint}/openai/models",
    permission=_READ,
    note="with the key itself; the permission is to find out the account's endpoint",
)
_USAGE = ByHand(
    steps="Azure counts by account, not by key, and tells no key in its logs. Look at the account's metrics by model, "
    "and at CallerIPAddress in its diagnostic logs, where those are switched on.",
    link="https://portal.azure.com/#view/Microsoft_Azure_ProjectOxford/CognitiveServicesHub/~/OpenAI",
)

PROVIDER = Provider(
    name="azure_openai",
    title="Azure OpenAI",
    base_url="https://management.azure.com",
    docs="https://learn.microsoft.com/rest/api/aiservices/accountmanagement/accounts",
    settings={
        "tenant": Setting(description="The id of the Microsoft Entra tenant, a UUID or a domain"),
        "client_id": Setting(
            description="The application that firedoor acts as; as Cognitive Services Contributor it may do all of this"
        ),
        "client_secret": Setting(description="A client secret of that application", secret=True),
        "login_url": Setting(
            description="Where Entra is, in a sovereign cloud; base_url is Azure Resource Manager there",
            default="https://login.microsoftonline.com",
        ),
    },
    rate=5,
    burst=20,
    kinds=(
        Kind(
            name="account_key",
            title="account key",
            id_pattern=rf"{ACCOUNT}/Key[12]",
            scope="SUBSCRIPTION/RESOURCE_GROUP/ACCOUNT",
            scope_pattern=ACCOUNT,
            inventory=ByApi(
                call="GET …/Microsoft.CognitiveServices/accounts",
                permission=f"{_READ}; {_KEYS} for one account",
                note="an id is SUBSCRIPTION/RESOURCE_GROUP/ACCOUNT/Key1; what the keys hold is read of one account "
                "only, where `scope` names it",
            ),
            verify=_VERIFY,
            revoke=ByApi(
                call="POST …/accounts/{account}/regenerateKey {keyName}",
                permission=f"Microsoft.CognitiveServices/accounts/regenerateKey/action, {_KEYS}",
                note="every account has two keys: the leaked one gets another value, the other one is left alone",
            ),
            create=ByApi(
                call="POST …/accounts/{account}/regenerateKey {keyName}",
                permission=f"Microsoft.CognitiveServices/accounts/regenerateKey/action, {_KEYS}",
                note="mode breach: the new value of the same key; mode rotation: the other key is regenerated, which "
                "stops whoever uses it, and needs `gap: true`",
            ),
            usage=_USAGE,
            replacement="slots",
            named=False,
        ),
        Kind(
            name="key_access",
            title="access by keys to an account",
            id_pattern=ACCOUNT,
            inventory=ByApi(
                call="GET …/Microsoft.CognitiveServices/accounts",
                permission=_READ,
                note="an id is SUBSCRIPTION/RESOURCE_GROUP/ACCOUNT",
            ),
            verify=_VERIFY,
            revoke=ByApi(
                call="PATCH …/accounts/{account} {properties: {disableLocalAuth: true}}",
                permission="Microsoft.CognitiveServices/accounts/write",
                note="both keys at once, after a few minutes; only Entra lets anybody in then",
            ),
            create=Never(why="it is switched on again: credential.enable"),
            usage=_USAGE,
            replacement="by_hand",
            reversible=True,
            lag=600,
        ),
    ),
)
