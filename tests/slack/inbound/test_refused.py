"""Who may use firedoor in Slack: strangers, unknown members, groups that cannot be read; each refusal is recorded."""

from pathlib import Path

import pytest

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    FOREIGN_TEAM,
    INCIDENTS,
    MALLORY,
    SECURITY,
    SHARED_CHANNEL,
    TEAM,
)
from tests.slack.front import Inbound, button, inbound_at


async def test_a_stranger_of_a_shared_channel_is_refused(inbound: Inbound) -> None:
    """Whoever belongs to another workspace can neither type nor press; they alone are told, and it is recorded."""
    await inbound.command("gate AKIA1", user=MALLORY, channel=SHARED_CHANNEL)
    await inbound.says("You belong to another workspace (T0STRANGER)", user=MALLORY, channel=SHARED_CHANNEL)
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident, SHARED_CHANNEL)
    action, _ = button(message, "approve")
    await inbound.slack.act.press(MALLORY, message, action)
    await inbound.slack.eventually(lambda: inbound.refusals(incident))
    [general], [refused] = inbound.refusals(), inbound.refusals(incident)
    assert general.body["verb"] == "start"
    assert refused.body["actor"] == {
        "kind": "human",
        "id": f"user:slack:{FOREIGN_TEAM}/{MALLORY}",
        "auth": "slack",
        "identity": f"slack:{FOREIGN_TEAM}/{MALLORY}",
    }
    assert "another workspace" in refused.body["say"]
    assert "approval" not in inbound.site.kinds(incident)
    assert not [one for one in inbound.slack.act.seen_by(ALICE, SHARED_CHANNEL) if "another" in one.text]


async def test_a_member_whom_the_settings_do_not_know_is_told_what_to_add(inbound: Inbound) -> None:
    """Of our workspace, and neither under [people] nor in a group that matters: refused, with the line that helps."""
    await inbound.command("", user=CAROL)
    await inbound.says("firedoor does not know you", f"slack:{TEAM}/{CAROL}", "[people.NAME]", user=CAROL)
    assert len(inbound.refusals()) == 1
    # The same refusal within a minute is one entry.
    await inbound.command("", user=CAROL)
    await inbound.slack.eventually(
        lambda: len([one for one in inbound.slack.act.seen_by(CAROL, INCIDENTS) if one.ephemeral_to == CAROL]) == 2
    )
    assert len(inbound.refusals()) == 1


async def test_somebody_outside_the_policy_is_refused_by_the_incident(inbound: Inbound) -> None:
    """The incident's own rule speaks: who may is named, and the refusal stands in its timeline."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    action, _ = button(message, "approve")
    await inbound.slack.act.press(DAVE, message, action)
    await inbound.says("user:dave", "slack:@security", user=DAVE)
    [refused] = inbound.refusals(incident)
    assert refused.body["cause"] == {"door": "slack", "step": "go"}
    assert refused.body["actor"]["identity"] == f"slack:{TEAM}/{DAVE}"


async def test_a_user_group_that_vanished_counts_as_empty(inbound: Inbound) -> None:
    """Nobody approves by a group that cannot be read; they are told why, and what to do."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    inbound.slack.act.remove_group(SECURITY)
    action, _ = button(message, "approve")
    await inbound.slack.act.press(ALICE, message, action)
    await inbound.says("@security could not be read", "Slack has no user group @security", "user:alice")
    assert "approval" not in inbound.site.kinds(incident)
    assert "could not be read" in inbound.refusals(incident)[0].body["say"]


async def test_a_group_that_slack_does_not_tell_counts_as_empty(inbound: Inbound) -> None:
    """While Slack is in trouble nobody is in the group: it is never as it was before."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    inbound.slack.faults.unavailable("usergroups.users.list", times=1)
    action, _ = button(message, "approve")
    await inbound.slack.act.press(ALICE, message, action)
    await inbound.says("@security could not be read")
    await inbound.slack.act.press(ALICE, message, action)
    await inbound.says("go is approved; 1 more needed.")


async def test_who_may_start_stands_in_the_settings(
    slack: LocalSlack, temporal_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`[slack] start` names people, roles and groups by runbook; everybody else is refused, and does not see a button."""
    start = {"gate-test": ("slack:@admins",), "*": ("user:bob",)}
    async with inbound_at(slack, temporal_address, tmp_path, monkeypatch, start=start) as inbound:
        await inbound.command("gate AKIA1", user=BOB)
        await inbound.says("user:bob may not start gate-test: slack:@admins may.", user=BOB)
        assert inbound.refusals()[0].body["verb"] == "start"
        await inbound.command("", user=BOB)
        shown = await inbound.says("Runbooks that you may start", user=BOB)
        button(shown, "start", "nothing-to-ask")
        with pytest.raises(AssertionError, match="there is no button"):
            button(shown, "start", "gate-test")
        # Carol is known by her group alone.
        await inbound.command("gate AKIA1", user=CAROL)
        shown = await inbound.says("Shut the gate", "Start", user=CAROL)
        await inbound.press(shown, "start", user=CAROL)
        await inbound.says("Started: gate-test-AKIA1", user=CAROL)
        view = await inbound.site.view("gate-test-AKIA1")
        assert view.starter.principal == f"user:slack:{TEAM}/{CAROL}"
        assert view.starter.groups == ("slack:@admins",)
