"""Alert: what every source's alert becomes. Flat, so that triggers read well: `alert.severity >= 7.0`."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _finite(value: float) -> float:
    if not 0.0 <= value <= 10.0:
        # Also false for NaN.
        raise ValueError("a severity lies between 0 and 10")
    return value


class Alert(BaseModel):
    """One alert. A text that the source does not give is empty, never null, so that expressions need no guards."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: str = Field(description="Which source: `guardduty`.")
    door: str = Field(default="", description="By which door of the settings it came: NAME of `[alerts.NAME]`.")
    id: str = Field(min_length=1, description="The source's id; the same when it reports the same thing again.")
    type: str = Field(default="", description="The source's kind of alert: `UnauthorizedAccess:IAMUser/TorIPCaller`.")
    title: str = Field(default="", description="One line.")
    description: str = Field(default="", description="What the source says happened.")
    severity: Annotated[float, AfterValidator(_finite)] = Field(
        default=0.0, description="0 to 10 with decimals: compare with `7.0`, not `7`."
    )
    account: str = Field(default="", description="The AWS account id.")
    region: str = Field(default="", description="The region.")
    provider: str = Field(default="", description="Whose credential it is, in firedoor's words: `aws`, `openai`.")
    credential: str = Field(default="", description="The credential's public id. Never its value.")
    resource: str = Field(default="", description="What it is about: an ARN, `owner/repository`, a host.")
    access_key_id: str = Field(default="", description="The AWS access key that it is about, AKIA… or ASIA….")
    user_name: str = Field(default="", description="The user's name.")
    user_type: str = Field(default="", description="`IAMUser`, `AssumedRole`, `Root`, …")
    principal_id: str = Field(default="", description="The principal's unique id, AIDA… or AROA….")
    sample: bool = Field(default=False, description="Made to try things out; nothing happened.")
    archived: bool = Field(default=False, description="Somebody has put it away at the source.")
    first_seen: str = Field(default="", description="When it began, RFC 3339.")
    last_seen: str = Field(default="", description="When it was last seen, RFC 3339.")
    count: int = Field(default=1, ge=0, lt=2**63, description="How often it was seen.")
    url: str = Field(default="", description="Where to read more.")
    resolved: bool = Field(default=False, description="The source says that it is over.")
    labels: dict[str, str] = Field(default={}, description="The source's labels or tags, texts.")
    raw: dict[str, Any] = Field(
        default={},
        repr=False,
        description="What the source sent, as it came: for `when` and `inputs` of triggers only.",
    )
