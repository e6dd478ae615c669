"""What was said and done in Slack, as lines; and hands that do only what a person can."""

import re
from typing import Any

import pytest

from firedoor.drill import hands as hands_of
from firedoor.drill.conversation import Act, conversation
from firedoor.drill.hands import Hands
from firedoor.drill.slack.inputs import NotPossible
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, BOT, GENERAL, INCIDENTS
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.fields import TRUE, text_field, yes_no_field
from tests.drill.slack.socketing import App
from tests.slack_said import actions, modal, official, section

APPROVE = Press("approve", "inc-1", "rotate", "d1")


def pressable(press: Press, **more: Any) -> dict[str, Any]:
    """A button of ours."""
    label = {"type": "plain_text", "text": press.verb.capitalize()}
    return {"type": "button", "text": label, "action_id": press.action_id, "value": press.value(), **more}


async def post(slack: LocalSlack, *blocks: dict[str, Any], thread: str = "") -> str:
    """A message of the bot's; its timestamp."""
    client = official(slack, slack.workspace.bot_token)
    posted = await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=blocks, thread_ts=thread or None)
    return str(posted["ts"])


async def test_messages_and_acts_in_the_order_of_time(slack: LocalSlack) -> None:
    """Each act where it happened; a line that is too wide goes on below its words; other channels come after."""
    client = official(slack, slack.workspace.bot_token)
    first = slack.clock.now()
    ts = await post(slack, section("*Gate* is asked <@U0ALICE000> &amp; all"))
    reply = await post(slack, section("May it?"), thread=ts)
    await client.chat_update(channel=INCIDENTS, ts=reply, text="y", blocks=[section("Decided.")])
    await client.chat_postEphemeral(channel=INCIDENTS, user=ALICE, text="Done, and a word more.")
    slack.act.say(ALICE, GENERAL, "lunch?")
    acts = [
        Act(first - 1, "guard", "sends an alert"),
        Act(slack.clock.now() + 1, "alice", "presses [Yes]", ("4 things were made with that key. Sure?",)),
    ]
    lines = [re.sub(r"\d\d:\d\d:\d\d", "TIME", line) for line in conversation(slack.workspace, acts, width=48)]
    assert lines == [
        "#general",
        "TIME  alice: lunch?",
        "",
        "#incidents",
        "TIME  ▸ guard sends an alert",
        "TIME  firedoor: Gate is asked @alice & all",
        "  TIME  firedoor: May it?",
        "  TIME  firedoor: Decided. (edited)",
        "TIME  firedoor, only to alice: Done, and a",
        "          word more.",
        "TIME  ▸ alice presses [Yes]",
        "          4 things were made with that key.",
        "            Sure?",
    ]


async def test_a_button_is_pressed_where_it_is_seen(slack: LocalSlack) -> None:
    """The newest button with that very digest, after its dialog was read; what was answered is waited for."""
    client = official(slack, slack.workspace.bot_token)

    async def answer(request: Any) -> None:
        channel, user = request.payload["channel"]["id"], request.payload["user"]["id"]
        await client.chat_postEphemeral(channel=channel, user=user, text="rotate is approved.")

    dialog = {name: {"type": "plain_text", "text": name} for name in ("title", "text", "confirm", "deny")}
    ts = await post(slack, actions(pressable(APPROVE), pressable(Press("details", "inc-1"))))
    stale = pressable(Press("approve", "inc-1", "rotate", "d0"))
    await post(slack, actions(pressable(APPROVE, confirm=dialog)), thread=ts)
    await post(slack, actions(stale, {**stale, "action_id": "not.ours", "value": "x"}))
    acts: list[Act] = []
    async with App(slack, answer) as app:
        await Hands(slack, ALICE, "alice", acts).press(APPROVE)
    [heard] = app.heard
    assert heard.payload["actions"][0]["value"] == APPROVE.value()
    [act] = acts
    assert act.what == "presses [Approve] at rotate in the thread, reads “title”, presses [confirm]"
    assert act.more == ("text",)


async def test_a_form_is_filled_in(slack: LocalSlack) -> None:
    """The button opens it, the values go in by block, and it is submitted."""
    client = official(slack, slack.workspace.bot_token)
    opens = Press("answer", "inc-1", "healthy")

    async def answer(request: Any) -> None:
        if request.payload["type"] == "block_actions":
            fields = (yes_no_field("field.ok", "ok"), text_field("reason", "Why"))
            await client.views_open(trigger_id=request.payload["trigger_id"], view=modal(*fields))
        else:
            await client.chat_postEphemeral(channel=INCIDENTS, user=ALICE, text="answered")

    await post(slack, actions(pressable(opens)))
    acts: list[Act] = []
    async with App(slack, answer) as app:
        await Hands(slack, ALICE, "alice", acts).fill(opens, {"field.ok": True, "reason": "it works"})
    values = app.heard[-1].payload["view"]["state"]["values"]
    assert values["field.ok"]["value"]["selected_option"]["value"] == TRUE
    assert values["reason"]["value"]["value"] == "it works"
    assert acts[-1].more == ("ok: true; reason: it works",)


async def test_what_nobody_takes_is_tried_again_and_given_up(slack: LocalSlack) -> None:
    """Slack says each time that it failed, as it says to a person."""
    acts: list[Act] = []
    alice = Hands(slack, ALICE, "alice", acts)
    with pytest.raises(TimeoutError, match="Slack delivers nothing of alice"):
        await alice.type(INCIDENTS, "/firedoor status")
    assert [act.what for act in acts] == [
        "types /firedoor status",
        *["is told by Slack that it failed (dispatch_failed)"] * 3,
    ]


async def test_a_button_that_is_not_there(slack: LocalSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody looks for a while; a button that only another person sees is none."""
    monkeypatch.setattr(hands_of, "LOOK_SECONDS", 0.05)
    client = official(slack, slack.workspace.bot_token)
    await client.chat_postEphemeral(channel=INCIDENTS, user=BOT, text="x", blocks=[actions(pressable(APPROVE))])
    with pytest.raises(TimeoutError):
        await Hands(slack, ALICE, "alice", []).press(APPROVE)
    with pytest.raises(NotPossible):
        slack.act.type_command(ALICE, INCIDENTS, "/firedoor status", thread="1.1")
