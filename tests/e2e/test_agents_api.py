"""Agents over the API: from a template to calls, drafts, scripts, versions, and what is refused and where."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
from tests.e2e.business import DID, House, greeted

from offhook.contracts.plan import CallPlan
from offhook.orchestrator.agents.presets import EXPLAINED, PRESETS

AGENT = "/agents/front-desk"


async def draft(house: House, agent: str = "front-desk") -> tuple[dict[str, Any], str]:
    answer = await house.ask("GET", f"/agents/{agent}/draft")
    assert answer.status_code == 200, answer.text
    return answer.json(), answer.headers["etag"]


async def change(house: House, etag: str, body: dict[str, Any], path: str = f"{AGENT}/draft", method: str = "PATCH") -> httpx.Response:
    return await house.ask(method, path, body, if_match=etag)


def places(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {one["path"]: one["message"] for one in answer.json()["errors"]}


async def test_from_a_template_to_a_call(house: House) -> None:
    made = await house.ask("POST", "/agents", {"template": "booking_line", "name": "Booking desk"})
    assert made.status_code == 201, made.text
    agent = made.json()
    assert agent["live"] is None
    assert agent["changed"]
    assert agent["id"].startswith("agt_")
    numbers = (await house.ask("GET", "/numbers")).json()["data"]
    number = (await house.ask("GET", f"/numbers/{numbers[0]['id']}")).headers["etag"]
    moved = await house.ask("PATCH", f"/numbers/{numbers[0]['id']}", {"agent_id": agent["id"]}, if_match=number)
    assert moved.status_code == 200, moved.text
    refused = (await house.post("/v1/plans", {"call": "early", "transport": "loopback", "did": DID, "caller": "+447700900123"})).json()
    assert refused["reason"] == "unknown_number"  # nobody has published it
    shown, etag = await draft(house, agent["id"])
    assert shown["check"]["ok"], shown["check"]
    published = await change(house, etag, {"note": "first"}, f"/agents/{agent['id']}/publish", "POST")
    assert published.status_code == 201, published.text
    assert published.json()["number"] == 1
    assert published.json()["note"] == "first"
    plan = CallPlan.model_validate(await house.plan("t1"))
    assert plan.ref == f"harbour/{agent['id']}"
    assert list(plan.script["slots"])[:3] == ["need", "problem", "address"]  # in the author's order
    start = plan.script["states"][plan.script["start"]]
    assert start["say"] == greeted("Thank you for ringing. I can book a visit for you.")
    assert plan.script["must_say"]["agent.disclosure"]["text"].startswith("This call is recorded")
    assert plan.turn.endpointing.sure_ms == 220
    listed = (await house.ask("GET", "/agents")).json()["data"]
    assert [one["name"] for one in listed] == ["Booking desk", "Harbour Plumbing"]


async def test_only_a_draft_that_is_sound_is_published_and_each_fault_has_its_path(house: House) -> None:
    shown, etag = await draft(house)
    config = shown["config"]
    config["script"]["states"]["greet"]["next"] = "rout"
    config["hours"]["monday"] = [{"opens": "09:00", "closes": "12:00"}, {"opens": "11:00", "closes": "17:00"}]
    config["transfer"]["office"] = {"number": "12", "hours": None, "order": None}
    config["turn"]["endpointing"]["sure_ms"] = 9
    refused = await change(house, etag, config, f"{AGENT}/draft", "PUT")
    found = places(refused)
    assert set(found) == {
        "script.states.greet.next",
        "hours.monday.1.opens",
        "transfer.office.number",
        "turn.endpointing.sure_ms",
    }
    assert "did you mean 'route'" in found["script.states.greet.next"]
    assert (await draft(house))[1] == etag  # nothing was kept
    kept = await change(house, etag, config, f"{AGENT}/draft?unfinished=true", "PUT")
    assert kept.status_code == 200, kept.text
    assert not kept.json()["check"]["ok"]
    assert {one["path"] for one in kept.json()["check"]["faults"]} == set(found)
    publishing = await change(house, kept.headers["etag"], {}, f"{AGENT}/publish", "POST")
    assert set(places(publishing)) == set(found)
    assert (await house.ask("GET", f"{AGENT}/versions")).json()["data"][0]["number"] == 1


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"hours": {"monday": [{"opens": "9", "closes": "12:00"}]}}, "hours.monday.0.opens"),
    ({"holidays": [{"first": "2026-13-01"}]}, "holidays.0.first"),
    ({"nonsense": 1}, "nonsense"),
    ({"turn": {"preset": "hasty"}}, "turn.preset"),
    ({"timezone": "Mars/Olympus"}, "timezone"),
    ({"providers": {"stt": []}}, "providers.stt"),
    ({"providers": {"stt": ["Not A Name"]}}, "providers.stt.0"),
    ({"providers": {"stt": ["nobody:best"]}}, "providers.stt.0"),
    ({"providers": {"llm": ["nobody"]}}, "providers.llm.0"),
    ({"voice": "hart"}, "voice"),
    ({"locale": "de-DE"}, "providers.stt.0"),
    ({"greeting": "Is it you?"}, "greeting"),
    ({"greeting": "Hello {nobody}."}, "greeting"),
    ({"recording": {"disclosure": "Calls are recorded since 2026."}}, "recording.disclosure"),
    ({"recording": {"keep_days": 0}}, "recording.keep_days"),
    ({"out_of_hours": {"do": "message", "entry": "mesage"}}, "out_of_hours.entry"),
    ({"out_of_hours": {"do": "message", "entry": "shift"}}, "out_of_hours.entry"),
    ({"out_of_hours": {"do": "say"}}, "out_of_hours.line"),
    ({"out_of_hours": {"do": "transfer", "target": "night"}}, "out_of_hours.target"),
    ({"transfer": {"staff": None}}, "script.states.connect.transfer"),
    ({"transfer": {"staff": {"number": DID}}}, "transfer.staff.number"),
    ({"transfer": {"staff": {"number": "+449098790000"}}}, "transfer.staff.number"),
    ({"tools": {"book": "boook"}}, "tools.book"),
    ({"limits": {"idle_ms": 10}}, "limits.idle_ms"),
    ({"script": {"tools": {"book": {"effect": "read"}}}}, "script.tools.book.effect"),
    ({"script": {"slots": {"need": {"type": "choise"}}}}, "script.slots.need.type"),
    ({"script": {"include": ["other.yaml"]}}, "script.include"),
    ({"script": {"must_say": None}}, "recording.disclosure"),
    ({"name": ""}, "name"),
    ({"name": "x\u0000"}, "body"),
    ({"script": {"title": "x\u0000"}}, "body"),
]


async def test_what_is_refused_and_where(house: House) -> None:
    _, etag = await draft(house)
    for body, path in REFUSED:
        assert path in places(await change(house, etag, body)), (body, path)


async def test_two_editors_at_once(house: House) -> None:
    _, etag = await draft(house)
    assert (await house.ask("PATCH", f"{AGENT}/draft", {"name": "A"})).status_code == 428
    answers: list[int] = []

    async def edit(name: str) -> None:
        answers.append((await change(house, etag, {"name": name})).status_code)

    async with anyio.create_task_group() as group:
        for name in ("A", "B", "C"):
            group.start_soon(edit, name)
    assert sorted(answers) == [200, 412, 412]
    shown, now = await draft(house)
    assert shown["config"]["name"] in {"A", "B", "C"}
    assert (await change(house, etag, {}, f"{AGENT}/publish", "POST")).status_code == 412
    assert (await change(house, now, {}, f"{AGENT}/publish", "POST")).status_code == 201
    assert (await change(house, now, {}, f"{AGENT}/publish", "POST")).status_code == 412
    _, newest = await draft(house)
    again = await change(house, newest, {}, f"{AGENT}/publish", "POST")
    assert again.status_code == 409
    assert "nothing has changed" in again.json()["title"]


async def test_a_call_keeps_the_version_that_it_began_with(house: House) -> None:
    before = await house.plan("c1")
    _, etag = await draft(house)
    changed = await change(house, etag, {"greeting": "Good day.", "tools": {"book": "save_message"}})
    assert changed.status_code == 200, changed.text
    assert (await change(house, changed.headers["etag"], {}, f"{AGENT}/publish", "POST")).status_code == 201
    assert "agent.disclosure" not in before["script"].get("must_say", {})
    after = await house.plan("c2")
    assert after["script"]["states"]["greet"]["say"] == greeted("Good day.")
    assert before["script"]["states"]["greet"]["say"] != greeted("Good day.")
    assert [one["number"] for one in (await house.ask("GET", f"{AGENT}/versions")).json()["data"]] == [2, 1]
    first = (await house.ask("GET", f"{AGENT}/versions/1")).json()
    assert first["config"]["greeting"] == ""
    assert not first["live"]


async def test_differences_and_the_way_back(house: House) -> None:
    shown, etag = await draft(house)
    assert (await house.ask("GET", f"{AGENT}/diff")).json()["changes"] == []
    body = {
        "greeting": "Good day.",
        "script": {"states": {"bye": {"say": "Thank you, and goodbye."}}},
        "hours": {"sunday": [{"opens": "10:00", "closes": "12:00"}]},
    }
    changed = await change(house, etag, body)
    assert changed.status_code == 200, changed.text
    difference = (await house.ask("GET", f"{AGENT}/diff")).json()
    found = {one["path"]: (one["kind"], one["before"], one["after"]) for one in difference["changes"]}
    assert found == {
        "script.states.bye.say": ("changed", "Thank you for ringing. Goodbye.", "Thank you, and goodbye."),
        "greeting": ("changed", "", "Good day."),
        "hours.sunday.0": ("added", None, {"opens": "10:00", "closes": "12:00"}),
    }
    assert "+    say: Thank you, and goodbye." in difference["script"]
    published = await change(house, changed.headers["etag"], {}, f"{AGENT}/publish", "POST")
    restored = await change(house, published.headers["etag"], {"note": "it was better"}, f"{AGENT}/versions/1/restore", "POST")
    assert restored.status_code == 201, restored.text
    assert (restored.json()["number"], restored.json()["restored_from"]) == (3, 1)
    assert (await house.plan("c3"))["script"]["states"]["bye"]["say"] == "Thank you for ringing. Goodbye."
    assert (await draft(house))[0]["config"] == shown["config"]  # nobody was working on it
    assert not (await draft(house))[0]["changed"]
    both = (await house.ask("GET", f"{AGENT}/diff?before=1&after=3")).json()
    assert both["changes"] == []
    assert both["script"] == ""
    assert (await house.ask("GET", f"{AGENT}/diff?before=1&after=9")).status_code == 404
    assert (await house.ask("GET", f"{AGENT}/diff?before=old")).status_code == 422


async def test_going_back_leaves_a_draft_that_somebody_works_on(house: House) -> None:
    for greeting in ("One.", "Two."):
        _, etag = await draft(house)
        changed = await change(house, etag, {"greeting": greeting})
        await change(house, changed.headers["etag"], {}, f"{AGENT}/publish", "POST")
    _, etag = await draft(house)
    working = await change(house, etag, {"greeting": "Three."})
    restored = await change(house, working.headers["etag"], {}, f"{AGENT}/versions/2/restore", "POST")
    assert restored.status_code == 201
    shown, _ = await draft(house)
    assert shown["config"]["greeting"] == "Three."
    assert shown["changed"]
    assert (await house.plan("c9"))["script"]["states"]["greet"]["say"] == greeted("One.")


async def test_a_script_as_text_keeps_its_words_and_says_lines(house: House) -> None:
    first = await house.ask("GET", f"{AGENT}/draft/script")
    text = first.json()["text"]
    assert text.splitlines()[0] == "offhook: 1"
    mine = "# my own script\n" + text
    kept = await house.ask("PUT", f"{AGENT}/draft/script", {"text": mine}, if_match=first.headers["etag"])
    assert kept.status_code == 200, kept.text
    assert kept.json()["text"] == mine
    assert kept.json()["document"] == first.json()["document"]
    lines = mine.splitlines()
    place = next(number for number, line in enumerate(lines) if "  route:" in line and "next" not in line)
    lines[place] = "  rout:"
    refused = await house.ask("PUT", f"{AGENT}/draft/script", {"text": "\n".join(lines)}, if_match=kept.headers["etag"])
    assert refused.status_code == 422
    faults = {one["path"]: one.get("line") for one in refused.json()["errors"]}
    wanted = next(number for number, line in enumerate(lines, 1) if line.strip() == "next: route")
    assert faults["script.states.greet.next"] == wanted
    unreadable = await house.ask("PUT", f"{AGENT}/draft/script", {"text": "a: b\nc: [\n"}, if_match=kept.headers["etag"])
    assert unreadable.status_code == 422
    assert unreadable.json()["errors"][0]["line"] == 3
    merging = await house.ask("PUT", f"{AGENT}/draft/script", {"text": "a: &a {b: c}\nd: {<<: *a}\n"}, if_match=kept.headers["etag"])
    assert merging.json()["errors"][0]["line"] == 2
    later = await change(house, kept.headers["etag"], {"greeting": "Good day."})
    assert (await house.ask("GET", f"{AGENT}/draft/script")).json()["text"] == mine  # another field was changed
    document = first.json()["document"] | {"title": "Other"}
    other = await house.ask("PUT", f"{AGENT}/draft/script", {"document": document}, if_match=later.headers["etag"])
    assert "# my own script" not in other.json()["text"]
    assert "title: Other" in other.json()["text"]
    assert (await house.ask("PUT", f"{AGENT}/draft/script", {}, if_match=other.headers["etag"])).status_code == 422


async def test_faults_of_a_published_text_have_lines_too(house: House) -> None:
    first = await house.ask("GET", f"{AGENT}/draft/script")
    text = "\n\n" + first.json()["text"].replace("transfer: staff", "transfer: stuff")
    kept = await house.ask("PUT", f"{AGENT}/draft/script?unfinished=true", {"text": text}, if_match=first.headers["etag"])
    assert kept.status_code == 200, kept.text
    refused = await change(house, kept.headers["etag"], {}, f"{AGENT}/publish", "POST")
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "transfer: stuff" in one)
    assert {"script.states.connect.transfer": line}.items() <= {one["path"]: one.get("line") for one in refused.json()["errors"]}.items()


async def test_any_document_can_be_checked_and_none_is_kept(house: House) -> None:
    shown, etag = await draft(house)
    good = await house.ask("POST", "/agents/check", {"config": shown["config"]})
    assert good.json() | {"warnings": []} == {"ok": True, "faults": [], "warnings": []}
    for body, path in (
        ({"config": {}}, "name"),
        ({"config": shown["config"] | {"script": {"offhook": 1}}}, "script"),
        ({"config": shown["config"], "text": "a: ["}, "script"),
        ({"config": shown["config"], "text": "offhook: 1\nid: x\nstart: a\nstates: {a: {end: b}}"}, "script.states.a.end"),
    ):
        answer = await house.ask("POST", "/agents/check", body)
        assert answer.status_code == 200, answer.text
        assert not answer.json()["ok"]
        assert path in {one["path"] for one in answer.json()["faults"]}
    assert (await draft(house))[1] == etag
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep}
    assert (await house.ask("POST", "/agents/check", {"config": deep})).status_code == 422


async def test_copies_and_archives(house: House) -> None:
    refused = await change(house, (await draft(house))[1], {}, f"{AGENT}/archive", "POST")
    assert refused.status_code == 409
    assert DID in refused.json()["title"]
    copy = (await house.ask("POST", f"{AGENT}/duplicate", {})).json()
    assert copy["name"] == "Harbour Plumbing (copy)"
    path = f"/agents/{copy['id']}"
    published = await change(house, (await draft(house, copy["id"]))[1], {}, f"{path}/publish", "POST")
    archived = await change(house, published.headers["etag"], {}, f"{path}/archive", "POST")
    assert archived.status_code == 200, archived.text
    assert copy["id"] not in {one["id"] for one in (await house.ask("GET", "/agents")).json()["data"]}
    assert copy["id"] in {one["id"] for one in (await house.ask("GET", "/agents?archived=true")).json()["data"]}
    assert (await change(house, archived.headers["etag"], {"greeting": "Hi."}, f"{path}/draft")).status_code == 409
    back = await change(house, archived.headers["etag"], {}, f"{path}/unarchive", "POST")
    assert back.json()["archived_at"] is None
    assert back.json()["live"] == 1


async def test_who_may_do_what_and_what_is_written_down(house: House) -> None:
    viewer, editor = await house.role("viewer"), await house.role("agent_editor")
    stranger = await house.role("tenant_owner", tenant="quayside")
    writer = await house.key("agents.read", "agents.write")
    _, etag = await draft(house)
    assert (await house.ask("GET", f"{AGENT}/draft", **viewer)).status_code == 200
    assert (await house.ask("PATCH", f"{AGENT}/draft", {"name": "x"}, if_match=etag, **viewer)).status_code == 403
    assert (await house.ask("GET", AGENT, **stranger)).status_code == 404
    changed = await house.ask("PATCH", f"{AGENT}/draft", {"greeting": "Good day."}, if_match=etag, **writer)
    assert changed.status_code == 200, changed.text
    assert (await house.ask("POST", f"{AGENT}/publish", {}, if_match=changed.headers["etag"], **writer)).status_code == 403
    made = await house.ask("POST", f"{AGENT}/publish", {"note": "why"}, if_match=changed.headers["etag"], **editor)
    assert made.status_code == 201
    assert made.json()["published_name"] == "test"
    rows = await house.look("select action, target, details from audit where action like 'agent.%' order by seq")
    assert [(row.action, row.target) for row in rows] == [("agent.draft_changed", "front-desk"), ("agent.published", "front-desk")]
    assert rows[0].details["fields"] == ["greeting"]
    assert rows[1].details["version"] == 2


async def test_another_tenants_agents_are_nowhere(house: House) -> None:
    mine = {one["id"] for one in (await house.ask("GET", "/agents")).json()["data"]}
    assert mine == {"front-desk"}
    made = (await house.ask("POST", "/agents", {"template": "receptionist"}, tenant="quayside")).json()["id"]
    assert (await house.ask("GET", f"/agents/{made}")).status_code == 404
    assert (await house.ask("GET", f"/agents/{made}/versions")).status_code == 404
    changes = {"agent_id": made}
    number = (await house.ask("GET", "/numbers")).json()["data"][0]["id"]
    tag = (await house.ask("GET", f"/numbers/{number}")).headers["etag"]
    assert (await house.ask("PATCH", f"/numbers/{number}", changes, if_match=tag)).status_code == 422


async def test_pages_and_keys_of_requests(house: House) -> None:
    made = []
    for index in range(3):
        house.now[0] = house.now[0].replace(second=index)
        answer = await house.ask("POST", "/agents", {"template": "dictation"}, idempotency_key=f"k{index}")
        again = await house.ask("POST", "/agents", {"template": "dictation"}, idempotency_key=f"k{index}")
        assert again.json() == answer.json()
        made.append(answer.json()["id"])
    first = (await house.ask("GET", "/agents?limit=2")).json()
    rest = (await house.ask("GET", f"/agents?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["id"] for one in first["data"] + rest["data"]] == [*reversed(made), "front-desk"]
    assert rest["next_cursor"] is None
    assert (await house.ask("GET", f"/agents?archived=true&cursor={first['next_cursor']}")).status_code == 422
    _, etag = await draft(house)
    for greeting in ("One.", "Two.", "Three."):
        changed = await change(house, etag, {"greeting": greeting})
        etag = (await change(house, changed.headers["etag"], {}, f"{AGENT}/publish", "POST")).headers["etag"]
    versions = (await house.ask("GET", f"{AGENT}/versions?limit=3")).json()
    older = (await house.ask("GET", f"{AGENT}/versions?limit=3&cursor={versions['next_cursor']}")).json()
    assert [one["number"] for one in versions["data"] + older["data"]] == [4, 3, 2, 1]
    assert [one["live"] for one in versions["data"]] == [True, False, False]


async def test_templates_and_presets_are_there_for_everybody(house: House) -> None:
    viewer = await house.role("viewer")
    listed = (await house.http.get("/v1/agent-templates", headers=viewer)).json()
    assert {one["id"] for one in listed} >= {"receptionist", "booking_line", "dictation", "after_hours"}
    shown = (await house.http.get("/v1/agent-templates/dictation", headers=viewer)).json()
    assert shown["config"]["turn"]["preset"] == "intake_by_dictation"
    assert shown["text"].startswith("#")
    assert (await house.http.get("/v1/agent-templates/nobody", headers=viewer)).status_code == 404
    turn = (await house.http.get("/v1/turn-presets", headers=viewer)).json()
    assert {one["name"] for one in turn["presets"]} == set(PRESETS)
    assert len(turn["values"]) == len(EXPLAINED)
    assert next(one for one in turn["values"] if one["path"] == "idle_ms")["field"] == "limits.idle_ms"
    for path in ("/v1/agent-templates", "/v1/turn-presets"):
        assert (await house.http.get(path)).status_code == 401
