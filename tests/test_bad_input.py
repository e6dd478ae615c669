"""What a person reads, and what the timeline says, when an incident is given something that cannot work.

Everything is real: the Temporal dev server, the worker, the timeline, and an AWS emulator that checks credentials and
policies. Each case asks the same four things: the sentence, the state, the emulator (nothing was changed that the
sentence does not tell), and the record, which must verify after it was exported.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from firedoor.cli.app import run
from firedoor.compiler import compile_runbook
from firedoor.errors import Exit, UsageError
from firedoor.incident import IncidentState, StepState
from firedoor.inputs import MAX_LIST, resolve_inputs
from firedoor.local import free_port
from firedoor.plan import Plan, Verdict
from firedoor.steps import STEPS
from firedoor.timeline.entry import Kind
from tests.activities.wire import refused, wired
from tests.emulators import ACCOUNT, ROOT, Emulator, Keys, People, allow
from tests.stopping import check_record, installed, stopped
from tests.workflows import actions

SHIPPED = Path(__file__).parents[1] / "runbooks" / "aws-access-key-leaked.yaml"
KEY = "AKIAIOSFODNN7EXAMPLE"
OTHER = "111122223333"
EVERY = {**STEPS, **{action.contract.action: action.contract for action in actions.ACTIONS}}

#: One step; each case puts in what it needs.
ONE = """
name: one-step
steps:
  act: {{uses: {action}, with: {arguments}, retry: {{attempts: 2, interval: 1s}}}}
"""

EACH = """
name: each-one
inputs: {names: {type: list}}
steps:
  each:
    for_each: ${{ inputs.names }}
    as: one
    uses: test.read_switch
    with: {name: '${{ one }}'}
    concurrency: 100
"""


def one(action: str, **arguments: str) -> Plan:
    """A runbook of one step, compiled from its text."""
    return compile_runbook(ONE.format(action=action, arguments=dict(arguments)))


@pytest.fixture
def acting_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[Keys], None]:
    """Give the worker credentials, where it looks for them itself: in its environment."""

    def give(keys: Keys) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)

    return give


def statuses(emulator: Emulator, user: str, root: Keys = ROOT) -> list[str]:
    """The states of a user's keys, as the emulator has them."""
    listed = emulator.client("iam", root).list_access_keys(UserName=user)["AccessKeyMetadata"]
    return [one["Status"] for one in listed]


def test_malformed_runbook(
    tmp_path: Path, temporal_address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every mistake with its place; lint and run refuse it alike, and nothing is started or recorded."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    broken = tmp_path / "broken.yaml"
    text = SHIPPED.read_text()
    text = text.replace("aws.iam.deactivate_access_key", "aws.iam.deactivate_acess_key", 1)
    text = text.replace("{user_name: '${{ steps.identify.user_name", "{user_name: '${{ steps.identify.username", 1)
    broken.write_text(text)
    places = [
        (number, wrong)
        for number, line in enumerate(text.splitlines(), 1)
        for wrong in ("aws.iam.deactivate_acess_key", "steps.identify.username")
        if wrong in line
    ]
    assert len(places) == 2
    assert run(["lint", str(broken)]) == Exit.USAGE
    listed = capsys.readouterr().out
    for line, wrong in places:
        assert f"broken.yaml:{line}:" in listed
        assert wrong.rpartition(".")[2] in listed
    assert "did you mean `aws.iam.deactivate_access_key`?" in listed
    assert "did you mean `user_name`?" in listed
    assert "2 mistakes in 1 of 1 files" in listed
    assert run(["run", str(broken), f"access_key_id={KEY}", "--yes"]) == Exit.USAGE
    said = capsys.readouterr().err
    assert f"broken.yaml:{places[0][0]}:" in said
    assert "Nothing was started." in said
    assert "shows every mistake" in said
    assert not (tmp_path / "home" / "timeline.sqlite").exists()


def test_input_that_does_not_fit(
    tmp_path: Path, temporal_address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret, or anything else that is no key id, is refused before there is an incident."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    assert run(["run", "aws-access-key-leaked", "access_key_id=akia-nonsense", "--yes"]) == Exit.USAGE
    said = capsys.readouterr().err
    assert "access_key_id has the value 'akia-nonsense', which does not match" in said
    assert "Nothing was started." in said
    assert not (tmp_path / "home" / "timeline.sqlite").exists()


async def test_unknown_key(
    temporal_address: str, tmp_path: Path, aws: Emulator, acting_as: Callable[[Keys], None]
) -> None:
    """The shipped runbook stops at its first step; every other step waits for it, and ends undone."""
    acting_as(People(aws).user("responder", "iam:*", "sts:*"))
    async with installed(temporal_address, tmp_path / "home", aws.url) as site:
        case = await stopped(site, compile_runbook(SHIPPED), "identify", access_key_id=KEY)
        failure = case.failure("identify")
        assert (failure.reason, failure.what) == ("not_found", f"AWS knows no access key {KEY}.")
        assert failure.changed == "Nothing was changed."
        assert "CloudTrail" in failure.next
        assert case.view.state is IncidentState.NEEDS_ATTENTION
        assert {one.state for one in case.view.steps if one.id != "identify"} == {StepState.PENDING}
        ended = await case.ends()
        assert ended.state is IncidentState.ABORTED
        assert "Not done: identify" in ended.sentence
        assert case.outcomes("aws.iam.identify_access_key") == [("failed", "not_found")]
        case.check_record("identify", "not_found", tmp_path)


async def test_key_of_another_account(
    temporal_address: str, tmp_path: Path, aws: Emulator, acting_as: Callable[[Keys], None]
) -> None:
    """Without a role there the sentence names both accounts and the lines to configure; the key stays as it was."""
    root = Keys(OTHER, "test")
    key = People(aws, root).user("gateway").access_key_id
    acting_as(People(aws).user("responder", "iam:*", "sts:*"))
    async with installed(temporal_address, tmp_path / "home", aws.url) as site:
        case = await stopped(site, compile_runbook(SHIPPED), "identify", access_key_id=key)
        failure = case.failure("identify")
        assert failure.reason == "wrong_account"
        assert failure.what == (
            f"This belongs to AWS account {OTHER}, but firedoor acts as arn:aws:iam::{ACCOUNT}:user/responder in account "
            f"{ACCOUNT} and has no role configured for {OTHER}."
        )
        assert f"[aws.accounts.{OTHER}]" in failure.next
        await case.ends()
        assert statuses(aws, "gateway", root) == ["Active"]
        assert case.outcomes("aws.iam.identify_access_key") == [("failed", "wrong_account")]
        case.check_record("identify", "wrong_account", tmp_path)


async def test_principal_that_does_not_exist(
    temporal_address: str, tmp_path: Path, aws: Emulator, acting_as: Callable[[Keys], None]
) -> None:
    """A deny of nobody is no containment: it asks, and says what a deleted principal means."""
    acting_as(People(aws).user("responder", "iam:*", "sts:*"))
    arn = f"arn:aws:iam::{ACCOUNT}:user/nobody"
    async with installed(temporal_address, tmp_path / "home", aws.url) as site:
        case = await stopped(site, one("aws.iam.deny_sessions", principal_arn=arn))
        failure = case.failure()
        assert failure.what == f"Account {ACCOUNT} has no user nobody."
        assert "its sessions die with it" in failure.next
        ended = await case.ends()
        assert ended.verdict is not Verdict.CONTAINED
        assert case.outcomes("aws.iam.deny_sessions") == [("failed", "not_found")]
        case.check_record("act", "not_found", tmp_path)


async def test_unreachable_endpoint(temporal_address: str, tmp_path: Path, acting_as: Callable[[Keys], None]) -> None:
    """Tried again by itself, each attempt on record; then a person reads which endpoint gives no answer."""
    endpoint = f"http://127.0.0.1:{free_port()}"
    acting_as(ROOT)
    async with installed(temporal_address, tmp_path / "home", endpoint) as site:
        case = await stopped(site, one("aws.iam.identify_access_key", access_key_id=KEY))
        failure = case.failure()
        assert failure.reason == "unreachable"
        assert f"does not answer sts:GetAccessKeyInfo at {endpoint}" in failure.what
        assert failure.changed == "Nothing was changed."
        await case.ends()
        assert case.outcomes("aws.iam.identify_access_key") == [("failed", "unreachable")] * 2
        case.check_record("act", "unreachable", tmp_path)


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "ExpiredToken"])
async def test_dead_credentials(
    temporal_address: str, tmp_path: Path, aws: Emulator, acting_as: Callable[[Keys], None], code: str
) -> None:
    """Credentials that AWS does not know, or that ran out in the middle of the work: renew them, then retry cures it."""
    people = People(aws)
    leaked, own = people.user("leaked"), people.user("responder", "iam:*", "sts:*")
    with wired(aws) as wire:
        if code == "ExpiredToken":
            acting_as(own)
            wire.on("UpdateAccessKey", refused(403, code))
        else:
            acting_as(Keys("AKIADEADDEADDEADDEAD", "canary-secret-value"))
        async with installed(temporal_address, tmp_path / "home", wire.url) as site:
            case = await stopped(
                site, one("aws.iam.deactivate_access_key", access_key_id=leaked.access_key_id, user_name="leaked")
            )
            failure = case.failure()
            assert failure.reason == "credentials_expired"
            call = "iam:UpdateAccessKey" if code == "ExpiredToken" else "sts:GetAccessKeyInfo"
            assert failure.what == f"AWS does not accept the credentials that firedoor uses for {call}: {code}."
            assert failure.changed == "Nothing was changed."
            assert "Renew them" in failure.next
            assert statuses(aws, "leaked") == ["Active"]
            assert "canary" not in str(site.entries(case.incident))
            acting_as(own)
            await site.replace_worker()
            await site.decide(case.incident, "retry", "act")
            ended = await case.result()
            assert ended.verdict is Verdict.CONTAINED
            assert statuses(aws, "leaked") == ["Inactive"]
            expected = [("failed", "credentials_expired"), ("ok", "")]
            assert case.outcomes("aws.iam.deactivate_access_key") == expected
            case.check_record("act", "credentials_expired", tmp_path)


async def test_no_credentials(temporal_address: str, tmp_path: Path, aws: Emulator) -> None:
    """A worker without credentials says so, and where to put them."""
    async with installed(temporal_address, tmp_path / "home", aws.url) as site:
        case = await stopped(site, one("aws.iam.deactivate_access_key", access_key_id=KEY))
        failure = case.failure()
        assert (failure.reason, failure.what) == ("credentials_missing", "firedoor has no AWS credentials.")
        assert failure.changed == "Nothing was changed."
        assert "AWS_PROFILE" in failure.next
        await case.ends()
        assert case.outcomes("aws.iam.deactivate_access_key") == [("failed", "credentials_missing")]
        case.check_record("act", "credentials_missing", tmp_path)


async def test_missing_permission(
    temporal_address: str, tmp_path: Path, aws: Emulator, acting_as: Callable[[Keys], None]
) -> None:
    """The permission is named exactly, and by whom it is missed; the key stays active; granted, the retry contains."""
    people = People(aws)
    leaked = people.user("leaked")
    acting_as(people.user("responder", "sts:*", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"))
    plan = one("aws.iam.deactivate_access_key", access_key_id=leaked.access_key_id)
    async with installed(temporal_address, tmp_path / "home", aws.url) as site:
        case = await stopped(site, plan)
        failure = case.failure()
        assert failure.reason == "permission_missing"
        assert failure.what.startswith(
            f"arn:aws:iam::{ACCOUNT}:user/responder lacks the permission iam:UpdateAccessKey"
        )
        assert failure.changed == "Nothing was changed."
        assert failure.next.startswith("Grant iam:UpdateAccessKey")
        assert statuses(aws, "leaked") == ["Active"]
        aws.client("iam").put_user_policy(
            UserName="responder", PolicyName="more", PolicyDocument=allow("iam:UpdateAccessKey")
        )
        await site.decide(case.incident, "retry", "act")
        assert (await case.result()).verdict is Verdict.CONTAINED
        assert statuses(aws, "leaked") == ["Inactive"]
        expected = [("failed", "permission_missing"), ("ok", "")]
        assert case.outcomes("aws.iam.deactivate_access_key") == expected
        case.check_record("act", "permission_missing", tmp_path)


@pytest.mark.parametrize(
    ("count", "summary"),
    # More than one workflow takes at once: slices, and slices that wait for others.
    [(0, "There was nothing to act on: the list of targets is empty."), (2_600, "2600 of 2600 targets done")],
)
async def test_lists_of_no_and_of_many_targets(temporal_address: str, tmp_path: Path, count: int, summary: str) -> None:
    """None is said to be none, and proves nothing; many are each done once, and each is on record."""
    plan = compile_runbook(EACH, EVERY)
    names = [f"AKIA{number:016d}" for number in range(count)]
    async with installed(temporal_address, tmp_path / "home") as site:
        view = await site.run(plan, resolve_inputs(plan, {"names": names}))
        [step] = view.steps
        assert (step.state, step.summary) == (StepState.DONE, summary)
        assert view.sentence == "There was nothing to contain."
        done = [entry for entry in site.entries(view.id) if entry.kind == Kind.ACTION_OUTCOME]
        assert sorted(entry.part("action")["target"] for entry in done) == names
        assert all(entry.part("result")["status"] == "ok" for entry in done)
        check_record(site, view.id, tmp_path)


def test_too_many_targets_are_refused() -> None:
    """Over the limit nothing is started, and the sentence says both numbers."""
    with pytest.raises(UsageError) as caught:
        resolve_inputs(compile_runbook(EACH, EVERY), {"names": ["x"] * (MAX_LIST + 1)})
    assert "names has 100,001 members; at most 100,000" in caught.value.what
    assert caught.value.changed == "Nothing was started."
