"""Agents: their list, a new one, the script editor in its states, and publishing."""

from __future__ import annotations

from tests.e2e.business import ADMIN, House
from tests.e2e.stops import Stop

AGENTS = "/t/harbour/agents"
SOUND, BROKEN, NEW = f"{AGENTS}/agt_sound", f"{AGENTS}/agt_broken", f"{AGENTS}/agt_new"
ROOT = "root@platform.example"
_TALK = """async () => {
  const seen = (what) => new Promise((done) => {
    const look = () => document.querySelector(what) ? done() : requestAnimationFrame(look);
    look();
  });
  document.querySelector("#talk-form [value=start]").click();
  await seen("#talk-form[data-htmx-powered] #f-say");
  document.getElementById("f-say").value = "I would like to speak to somebody, please";
  document.querySelector("#talk-form [value=say]").click();
  await seen("[name='turn.1']");
  document.querySelector(".said details").open = true;
}"""
STOPS = {
    "agents": Stop(AGENTS),
    "agents-all": Stop(f"{AGENTS}?show=all"),
    "agent-new": Stop(f"{AGENTS}/new"),
    "script": Stop(f"{SOUND}/script?step=route"),
    "script-slot": Stop(f"{SOUND}/script?slot=need"),
    "script-broken": Stop(f"{BROKEN}/script?step=route"),
    "script-text": Stop(f"{BROKEN}/script?step=route&view=text"),
    "script-talk": Stop(f"{SOUND}/script?step=route&view=talk", _TALK, wait=".said details[open]"),
    "publish": Stop(f"{SOUND}/publish"),
    "publish-first": Stop(f"{NEW}/publish"),
    "publish-stopped": Stop(f"{BROKEN}/publish"),
    "agents-none": Stop("/t/ten_bare/agents", who=ROOT),
}


async def furnish(house: House) -> None:
    """A sound agent, and one whose draft has a fault. Their ids stand in the addresses, and so are not made anew each time."""
    for name, id in (("Front desk", "agt_sound"), ("Bookings", "agt_broken"), ("Evenings", "agt_new")):  # noqa: A001
        answer = await house.ask("POST", "/agents", {"template": "receptionist", "name": name})
        assert answer.status_code == 201, answer.text
        await house.look("update agent set id = :id where id = :made", id=id, made=answer.json()["id"])
    answer = await house.http.post("/v1/resellers/direct/tenants", json={"name": "Bare Electrics"}, headers=ADMIN)
    assert answer.status_code == 201, answer.text
    await house.look("update tenant set id = 'ten_bare' where id = :made", made=answer.json()["id"])
    answer = await house.ask("POST", "/agents/agt_sound/publish", {"note": "First one"}, if_match="*")
    assert answer.status_code == 201, answer.text
    script = (await house.get("/agents/agt_broken/draft/script")).json()["text"]
    text = script.replace("{go: message}]\n  connect", "{go: mesage}]\n  connect")
    assert text != script
    answer = await house.ask("PUT", "/agents/agt_broken/draft/script?unfinished=true", {"text": text}, if_match="*")
    assert answer.status_code == 200, answer.text
