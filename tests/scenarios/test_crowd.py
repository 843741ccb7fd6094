"""Callers by the thousand in virtual time: what holds for every call, and the same effects with speculation and without."""

from __future__ import annotations

import os
from collections.abc import Callable

import anyio
import pytest
from tests.scenarios.crowd import Figures, LawBroken, Played, check, compare, crowd, play
from tests.scenarios.crowd_line import CODE, coded, decoded
from tests.scenarios.harness import FRAME, QUIET, plan_of, scene

from offhook.core.audio.playout import Playout
from offhook.core.time import SECOND
from offhook.core.turn import agent
from offhook.engine.account import Account
from offhook.engine.call import Call
from offhook.engine.hear import Hearing
from offhook.engine.history import CUT
from offhook.engine.phrases import Phrases
from offhook.engine.reply import Reply
from offhook.engine.talk import Talk
from offhook.testing.fakes import FakeLlm, LlmScript

SHORT = range(0, 20, 4)
FOUND = (
    37,
    43,
    56,
    69,
    87,
    137,
    184,
    272,
    1056,
    1321,
    1411,
    2134,
    2182,
    2200,
    4037,
    5253,
    5263,
    10172,
    15125,
    15176,
    15379,
    20271,
    25415,
    41325,
    41667,
    42284,
    42343,
    42659,
    43929,
    44582,
    44617,
    44802,
    44964,
    46307,
)
"""Seeds that have found faults of the engine, or of the laws."""
WITH_WORK, WITH_TRANSFER = 17, 1
"""Seeds of calls in which the caller's last turn begins work, as an earlier one did; and which are put through."""
SHARDS, OF = 4, 200
"""Four minutes. Ten thousand are played in slices: ``python -m tests.scenarios.crowd --seeds 1000:2000``, and so on."""
FIRST = int(os.environ.get("OFFHOOK_CROWD_FIRST", "1000"))
"""The first seed of the many; another night may take others."""


def fine(figures: Figures) -> None:
    """Every law held; enough of it was worth looking at."""
    print(figures)  # noqa: T201 - the figures are what is wanted
    pairs = figures.counts["calls"] // 2
    assert not figures.broken, "\n".join(figures.broken)
    assert figures.exact >= 0.99
    assert figures.counts["other words than were heard"] == 0
    assert figures.counts["pairs the same throughout"] >= 0.65 * pairs
    assert figures.counts["turns compared"] >= 0.75 * (figures.counts["caller_turns"] + figures.counts["agent_turns"]) / 2
    assert figures.counts["speculation_committed"] > pairs
    assert figures.counts["speculation_aborted"] > 0
    assert figures.counts["effects compared"] > 0


@pytest.mark.parametrize("first", SHORT)
def test_a_crowd(first: int) -> None:
    figures = crowd(range(first, first + SHORT.step))
    print(figures)  # noqa: T201
    assert not figures.broken, "\n".join(figures.broken)


@pytest.mark.parametrize("seed", FOUND)
def test_what_crowds_have_found(seed: int) -> None:
    calls = [play(seed, ahead=ahead) for ahead in (True, False)]
    for played in calls:
        check(played)
    compare(calls[0], calls[1])


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_many_calls(shard: int) -> None:
    """Each seed with speculation and without."""
    begin = FIRST + shard * OF
    fine(crowd(range(begin, begin + OF)))


def test_a_call_is_the_same_whenever_it_is_played() -> None:
    first, again = (play(3, ahead=True) for _ in range(2))
    assert first.log == again.log
    assert first.line.heard == again.line.heard


def test_audio_is_told_apart_wherever_it_begins() -> None:
    """An answer that was stopped at any sample goes on there: a frame of it may begin with the last bytes of a word."""
    audio = coded(319, 15) + coded(320, 1)
    told = [decoded(audio[at : at + CODE]) for at in range(FRAME + 1)]
    assert told[: FRAME - 3] == [(319, 15)] * (FRAME - 3)
    assert told[FRAME - 3 :] == [(320, 1)] * 4
    assert decoded(QUIET[:CODE]) is None


def accepts_at_once(patch: pytest.MonkeyPatch) -> None:
    """A muted reply counts as if it were real."""

    def accept(reply: Reply) -> None:
        if reply.proposal is not None and not reply.accepted_already:
            reply.accepted_already = True
            reply.accepted(reply)

    patch.setattr(Reply, "_accept", accept)


def remembers_what_was_meant(patch: pytest.MonkeyPatch) -> None:
    """The history has what was to be said."""
    patch.setattr(Reply, "kept", lambda reply, _heard: reply.words)


def goes_on_talking(patch: pytest.MonkeyPatch) -> None:
    """Nothing stops for a caller before it is sure what they want."""
    patch.setattr(Playout, "hold", lambda _playout, _now, **_: False)


def hears_a_second_more(patch: pytest.MonkeyPatch) -> None:
    """What was heard is counted wrongly."""
    clear = Playout.clear
    patch.setattr(Playout, "clear", lambda playout, at, turn=None: clear(playout, at, turn) + 8_000)


def does_everything_twice(patch: pytest.MonkeyPatch) -> None:
    """Work is asked for again."""
    launch = Call._launch
    patch.setattr(Call, "_launch", lambda call, runs: launch(call, runs + runs))


def gives_up_in_silence(patch: pytest.MonkeyPatch) -> None:
    """An answer that fails or stalls is followed by nothing."""
    patch.setattr(agent, "give_up", lambda board, why: board.close_turn(why))


def drops_what_nobody_answers(patch: pytest.MonkeyPatch) -> None:
    """Only what was answered is a turn."""
    patch.setattr(Account, "parting", Account._report)


def leaves_the_recogniser_open(patch: pytest.MonkeyPatch) -> None:
    """A session that bills on."""

    async def aclose(_hearing: Hearing) -> None:
        return

    patch.setattr(Hearing, "aclose", aclose)


def fails_by_itself(patch: pytest.MonkeyPatch) -> None:
    """A fault of ours in the middle of a call."""

    def beat(talk: Talk, now: int) -> None:
        if now > 5 * SECOND:
            raise KeyError(now)

    patch.setattr(Talk, "beat", beat)


@pytest.mark.parametrize(
    ("broken", "seed", "law", "found"),
    [
        (accepts_at_once, 6, "effects", "with words that the caller's turns do not have"),
        (remembers_what_was_meant, 4, "prompts", "the model was told that the agent had said"),
        (goes_on_talking, 2, "over the caller", "the agent goes on over the caller"),
        (hears_a_second_more, 4, "prompts", "the model was told that the agent had said"),
        (does_everything_twice, 0, "effects", "was asked for 2 times"),
        (gives_up_in_silence, 2182, "mute", "the agent is mute for"),
        (drops_what_nobody_answers, 5, "lost words", "nothing came of what the caller said"),
        (leaves_the_recogniser_open, 1, "left behind", "recognisers"),
        (fails_by_itself, 1, "end", "crash KeyError"),
    ],
)
def test_an_engine_that_breaks_a_law_is_found_out(
    broken: Callable[[pytest.MonkeyPatch], None], seed: int, law: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    with pytest.raises(LawBroken, match=found) as error:
        check(play(seed, ahead=True))
    assert law in error.value.laws


def pair(seed: int) -> tuple[Played, Played]:
    """The same call twice: each test changes what one of them has recorded."""
    return play(seed, ahead=True), play(seed, ahead=True)


def found(on: Played, off: Played) -> str:
    """How the difference is told."""
    with pytest.raises(LawBroken) as error:
        compare(on, off)
    assert error.value.laws == {"same effects"}
    return str(error.value)


def places(played: Played, what: str) -> list[int]:
    """Of turns, work or transfers in the log."""
    return [at for at, entry in enumerate(played.log) if entry[0] == what and entry[1] != "free_slots"]


def test_a_difference_is_told_with_the_seed() -> None:
    on, off = pair(1)
    compare(on, off)
    assert off.ended is not None
    off.ended = off.ended.model_copy(update={"outcome": "another"})
    assert "seed 1" in found(on, off)
    on.problems.append(("a law", "something"))
    with pytest.raises(LawBroken, match=r"python -m tests\.scenarios\.crowd 1") as error:
        check(on)
    assert error.value.laws == {"a law"}


@pytest.mark.parametrize("which", [0, 1])
def test_work_that_only_one_of_them_did_is_found_wherever_it_was_done(which: int) -> None:
    for at in places(play(WITH_WORK, ahead=True), "run"):
        calls = pair(WITH_WORK)
        _, _, key, _ = calls[which].log.pop(at)
        assert key in found(*calls)


def test_a_transfer_that_only_one_of_them_made_is_found() -> None:
    on, off = pair(WITH_TRANSFER)
    [at, *_] = places(on, "transfer")
    target = off.log.pop(at)[1]
    assert target in found(on, off)


def test_other_arguments_are_another_effect() -> None:
    on, off = pair(WITH_WORK)
    at = places(off, "run")[-1]
    off.log[at] = ("run", off.log[at][1], "another key", {})
    assert "another key" in found(on, off)


def test_work_up_to_where_conversations_part_is_the_same() -> None:
    """What was begun by the last turn that both of them have counts too."""
    on, off = pair(WITH_WORK)
    at = places(off, "run")[-1]
    off.log[at + 1 :] = [("caller", "something else", ())]
    compared = compare(on, off)
    assert not compared.same
    assert compared.effects == len(places(on, "run"))
    del off.log[at]
    assert on.log[at][2] in found(on, off)


def gone_after_the_last_words(played: Played, *, answered: bool) -> None:
    """The caller has hung up on their last turn, whose work was not begun; whether or not something was heard after it."""
    del played.log[places(played, "caller")[-1] + 1 :]
    assert played.ended is not None
    played.ended = played.ended.model_copy(update={"reason": "hangup"})
    if not answered:
        end = max(at for at, number in enumerate(played.line.loud) if number > 0)
        played.line.sounded[end:] = [None] * len(played.line.sounded[end:])


def test_the_last_turn_alone_is_excused_where_its_caller_was_gone_before_an_answer() -> None:
    on, off = pair(WITH_WORK)
    first, last = places(on, "run")[0], places(on, "run")[-1]
    assert last > places(on, "caller")[-1] > first
    gone_after_the_last_words(off, answered=False)
    assert not compare(on, off).same
    off.log.pop(first)
    assert on.log[first][2] in found(on, off)


def test_a_last_turn_that_was_answered_is_not_excused() -> None:
    on, off = pair(WITH_WORK)
    gone_after_the_last_words(off, answered=True)
    assert on.log[places(on, "run")[-1]][2] in found(on, off)


def gone_before_the_transfer(played: Played, *, cut: bool, audible: bool) -> None:
    """The caller has hung up when they had heard, to its last sample or not, that they are put through."""
    at, *_ = places(played, "transfer")
    del played.log[at:]
    kind, text, _ = played.log[-1]
    assert kind == "agent"
    played.log[-1] = (kind, text, cut)
    assert played.ended is not None
    played.ended = played.ended.model_copy(update={"reason": "hangup"})
    played.line.heard[-1] = audible


def test_a_transfer_is_excused_where_its_caller_was_gone_in_the_last_word_before_it() -> None:
    on, off = pair(WITH_TRANSFER)
    gone_before_the_transfer(off, cut=True, audible=True)
    assert not compare(on, off).same


@pytest.mark.parametrize(("cut", "audible"), [(False, True), (True, False)])
def test_a_transfer_after_words_that_were_heard_out_is_not_excused(cut: bool, audible: bool) -> None:
    on, off = pair(WITH_TRANSFER)
    off.line.heard[-3:] = [False] * 3
    gone_before_the_transfer(off, cut=cut, audible=audible)
    assert "transfer" in found(on, off)


@pytest.mark.anyio
async def test_words_whose_answer_was_only_bridged_go_on_with_the_next_ones() -> None:
    """A filler or opener is audible before a model has answered; a caller who goes on then has not been answered."""
    llm = FakeLlm(LlmScript('{"acts": [{"act": "chitchat"}], "say": "I see."}', first_token=0.9))
    plan = plan_of(models={"endpoint": None, "llm": ("fake",)}, openers={"on": True})
    async with scene(plan, llm=llm, phrases=Phrases()) as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await anyio.sleep(3)
        await stage.line.say("my neighbour said that you folk are rather good")
        await stage.line.agent_speaks()
        await stage.line.say("and so I wonder about the price of it all really")
        await stage.line.agent_speaks()
        await stage.line.agent_done(quiet=1.5)
        assert stage.business.caller() == [
            "my neighbour said that you folk are rather good and so I wonder about the price of it all really"
        ]
        told = [(message.role, message.text.replace(CUT, "").strip()) for message in llm.asked[-1].messages[:-1]]
        assert not any(role == "user" and "neighbour" in text for role, text in told)


@pytest.mark.anyio
async def test_the_callers_words_come_before_their_answer_whatever_bridged_the_silence() -> None:
    llm = FakeLlm(LlmScript('{"acts": [{"act": "chitchat"}], "say": "I see."}', first_token=0.4))
    plan = plan_of(models={"endpoint": None, "llm": ("fake",)}, openers={"on": True})
    async with scene(plan, llm=llm, phrases=Phrases()) as stage:
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await anyio.sleep(3)
        for text in ("my neighbour said that you folk are rather good", "well their house is a very old one you know"):
            await stage.line.say(text)
            await stage.line.agent_speaks()
            await stage.line.agent_done(quiet=1.5)
        kinds = [event.type for event in stage.business.events if event.type in {"turn.caller", "turn.agent"}]
        assert kinds == ["turn.agent", "turn.caller", "turn.agent", "turn.caller", "turn.agent"]
        roles = [message.role for message in llm.asked[-1].messages if message.role != "system"]
        assert roles == ["assistant", "user", "assistant", "user"]
    assert stage.counters["openers"] == 2
