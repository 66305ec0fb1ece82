"""The items of a session: their places, their cuts, and what of them the dialogue learns."""

import base64

from opendeep_kit.rehearsal.engines import Say
from tests.rehearsal.realtime_peer import (
    LONG,
    SILENCE,
    SLOW,
    loud,
    talking,
)


async def test_places_of_items() -> None:
    """Items go to the end, to the root or behind another, and tell what precedes them."""
    async with talking() as peer:
        await peer.say("two", item={"id": "b"})
        first = await peer.say("one", item={"id": "a"}, previous_item_id="root")
        await peer.say("three", item={"id": "c"})
        between = await peer.say("two and a half", item={"id": "bc"}, previous_item_id="b")
        await peer.respond()

        assert (first["previous_item_id"], between["previous_item_id"]) == (None, "b")
        history = peer.dialogue.requests[0].history
        assert [turn.text for turn in history] == ["one", "two", "two and a half", "three"]


async def test_deleted_item_is_forgotten() -> None:
    """The dialogue does not see a deleted item."""
    async with talking() as peer:
        await peer.say("Forget this.", item={"id": "a"})
        await peer.send("conversation.item.delete", item_id="a")
        assert (await peer.until("conversation.item.deleted"))["item_id"] == "a"
        await peer.respond()

        assert peer.dialogue.requests[0].history == ()


async def test_truncated_item() -> None:
    """A truncated sentence loses its words for the client; the dialogue knows what was heard, marked as cut."""
    async with talking([[Say("one two three four five")]], lead_in_ms=0) as peer:
        item = (await peer.respond())["output"][0]
        half = int(len("one two three four five") * 65 / 2)
        await peer.send("conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=half)
        await peer.until("conversation.item.truncated")
        await peer.send("conversation.item.retrieve", item_id=item["id"])
        kept = (await peer.until("conversation.item.retrieved"))["item"]["content"][0]
        await peer.respond()
        (turn,) = peer.dialogue.requests[1].history

        assert kept["transcript"] is None
        assert len(base64.b64decode(kept["audio"])) == half * 48
        assert (turn.text, turn.is_cut) == ("one two three", True)


async def test_interrupted_item_is_cut_even_without_truncation() -> None:
    """A reply that was cut while it was generated reaches the dialogue as cut."""
    async with talking([[Say(LONG)]], **SLOW) as peer:
        await peer.send("response.create")
        await peer.until("response.output_audio.delta")
        await peer.hear(loud(300), SILENCE)
        await peer.until("input_audio_buffer.committed")
        await peer.until("response.created")
        await peer.until("response.output_item.added")

        assert [turn.is_cut for turn in peer.dialogue.requests[1].history] == [True, False]


async def test_replayed_cut_turn() -> None:
    """A replayed text that ends in a dash was cut: so our client writes it."""
    async with talking() as peer:
        content = [{"type": "output_text", "text": "I am calling about —"}]
        await peer.say("", item={"role": "assistant", "content": content})
        await peer.respond()
        (turn,) = peer.dialogue.requests[0].history

        assert (turn.text, turn.is_cut) == ("I am calling about", True)


async def test_sound_in_an_item() -> None:
    """A user item may bring its sound, whose words are found out."""
    async with talking() as peer:
        content = [{"type": "input_audio", "audio": base64.b64encode(loud(200)).decode()}]
        await peer.say("", item={"content": content})
        await peer.respond()

        assert [turn.text for turn in peer.dialogue.requests[0].history] == ["Yes, that is fine."]
