"""Planted faults: each is found, with its code, at its line, with a suggestion where there is one."""
# ruff: noqa: E501 - tables of cases

from __future__ import annotations

from pathlib import Path

import pytest

from offhook.authoring import load as loading
from offhook.authoring.build import Builder
from offhook.authoring.check import check
from offhook.authoring.load import ScriptError, load
from offhook.contracts.script import ScriptDoc, schema

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
BASE = """\
offhook: 1
id: base
start: greet
given: {open_now: yes_no, staff: phone, caller_name: person_name}
must_say:
  notice: {text: Calls are recorded., before: first question}
knowledge: {unsure: I do not know that., go: message}
slots:
  need:
    type: choice
    ask: ["How can I help?", "A job or a message?"]
    options:
      job: {says: [leak, broken]}
      message: {says: [pass on]}
  size: {type: number, ask: "How many rooms?"}
  day: {type: date, ask: "Which day?", check: [{if: day >= today, else: That day has passed.}]}
  name: {type: person_name, ask: "Your name?", confirm: at_end}
  visit:
    type: offer
    from: free.slots
    ask: "I have {visit.offers}. Which one?"
    if_empty: {say: Nothing is free., forget: [day]}
  note: {type: free_text, ask: "What shall I write?"}
tools:
  free: {effect: read, with: {day: day}, gives: {slots: offers}, timeout: 1, if_fails: {go: message}}
  book:
    effect: write
    with: {slot: visit, name: name}
    gives: {ref: free_text}
    confirm: "That is {visit} for {name}. Shall I book it?"
    timeout: 1
    if_fails: {else: {go: message}}
  save: {effect: write, with: {note: note}, confirm: none, because: nothing is promised, timeout: 1, if_fails: {go: sorry}}
topics:
  price: {hint: asks for the price, says: [how much], answer: It costs sixty pounds.}
  hours: {hint: asks for the hours, says: [when open], answer: We open at eight.}
objections:
  busy: {hint: is busy, says: [no time], answers: [It takes a minute.], then: sorry}
universals:
  human: [{if: open_now is yes, go: connect}, {go: message}]
states:
  greet: {say: Hello there., next: route}
  route:
    collect: [need]
    next:
      - {if: need is job, go: job}
      - {go: message}
  job: {collect: [day, visit], do: book, next: booked}
  booked: {say: "Booked, {visit}.", outcome: good, end: same}
  message: {collect: [note], do: save, end: noted}
  connect: {transfer: staff, if_fails: message, end: put_through}
  sorry: {say: Sorry about that., end: failed}
outcomes: {good: good, noted: neutral, put_through: good, failed: bad}
"""

FAULTS = [
    # code, what is changed, into what, a piece of the line that must be named, a piece of the message
    ("S001", "  sorry: {say", "  lonely: {end: failed}\n  sorry: {say", "lonely:", "no way leads here"),
    ("S002", "{if: need is job, go: job}", "{if: need is job, go: jbo}", "go: jbo", "did you mean 'job'"),
    ("S002", "start: greet", "start: greeet", "start: greeet", "did you mean 'greet'"),
    ("S002", "then: sorry", "then: sory", "busy:", "did you mean 'sorry'"),
    ("S003", "message: {collect: [note], do: save, end: noted}", "message: {collect: [note], do: save}", "message: {collect", "dead end"),
    ("S004", "  greet: {say: Hello there., next: route}", "  greet: {say: Hello there., next: round}\n  round: {collect: [size], next: round}", "round: {", "no way from here"),
    ("S005", "      - {go: message}", "      - {if: need is job, go: sorry}\n      - {go: message}", "go: sorry}", "repeats"),
    ("S005", "      - {go: message}", "      - {if: \"need in [job, message]\", go: sorry}\n      - {go: message}", "need in", "overlaps"),
    ("S005", "      - {go: message}", "      - {go: message}\n      - {go: sorry}", "- {go: sorry}", "never be taken"),
    ("S006", "      - {go: message}", "      - {if: size > 3, go: message}", "size > 3", "every case"),
    ("S007", "greet: {say: Hello there., next: route}", "greet: {say: Hello there., next: [{if: open_now is yes, go: route}, {go: idle}]}\n  idle: {next: greet}", "greet: {say", "neither asks nor waits"),
    ("S008", "sorry: {say: Sorry about that., end: failed}", "sorry: {say: Sorry about that., end: failed}\n  part: {collect: [size], return: true}\n  go_part: {next: part}", "", ""),
    ("S009", "collect: [day, visit]", "collect: [dya, visit]", "dya", "did you mean 'day'"),
    ("S009", "do: book,", "do: boook,", "do: boook", "did you mean 'book'"),
    ("S009", "outcome: good,", "outcome: goood,", "goood", "did you mean 'good'"),
    ("S009", "end: noted", "end: nooted", "nooted", "did you mean 'noted'"),
    ("S009", "forget: [day]", "forget: [days]", "forget: [days]", "did you mean 'day'"),
    ("S009", "transfer: staff", "transfer: stuff", "stuff", "did you mean 'staff'"),
    ("S010", "type: number", "type: numbr", "numbr", "did you mean 'number'"),
    ("S010", "{visit} for {name}", "{visit} for {nmae}", "nmae", "did you mean 'name'"),
    ("S010", "with: {day: day}", "with: {day: dey}", "dey", "did you mean 'day'"),
    ("S010", "need is job", "nead is job", "nead", "did you mean 'need'"),
    ("S010", "  hours: {hint", "  note: {hint", "note: {hint", "also used"),
    ("S011", "say: Hello there.,", "say: \"Hello {caller_name}.\",", "caller_name", "may be unknown"),
    ("S011", "Sorry about that.", "\"Sorry about {visit}.\"", "sorry:", "may be unknown"),
    ("S011", "It costs sixty pounds.", "\"It costs {size} pounds.\"", "price:", "may be unknown"),
    ("S012", "from: free.slots", "from: free.sluts", "from: free.sluts", "read tool"),
    ("S012", "    if_empty: {say: Nothing is free., forget: [day]}\n", "", "visit:", "if_empty"),
    ("S013", "size: {type: number,", "size: {type: number, resets: [size],", "size:", "circle"),
    ("S020", "need is job", "need is is job", "need is is", "column 9"),
    ("S020", "need is job", "need = job", "need = job", "column 6"),
    ("S021", "{if: need is job, go", "{if: need is 3, go", "need is 3", "compared"),
    ("S021", "{if: need is job, go", "{if: need > 3, go", "need > 3", "no order"),
    ("S022", "need is job", "need is joob", "joob", "did you mean 'job'"),
    ("S030", ", if_fails: {go: sorry}}", "}", "save:", "if_fails"),
    ("S030", "if_fails: {else: {go: message}}", "if_fails: {conflict: {go: message}}", "if_fails: {conflict", "else"),
    ("S032", "confirm: none, because: nothing is promised, ", "", "save:", "read-back"),
    ("S033", "confirm: none, because: nothing is promised", "confirm: none", "save:", "because"),
    ("S034", "{visit} for {name}. Shall", "{visit}. Shall", "name:", "no read-back"),
    ("S050", "universals:\n  human: [{if: open_now is yes, go: connect}, {go: message}]\n", "", "", "human"),
    ("S051", "transfer: staff, if_fails: message,", "transfer: staff,", "transfer: staff", "nobody takes"),
    ("S052", "hint: asks for the price, ", "", "price:", "no 'hint'"),
    ("S053", "[when open]", "[how much]", "hours:", "'price'"),
    ("S053", "[pass on]", "[pass on, leak]", "message: {says", "'job'"),
    ("S060", "Hello there.", "Hello" + " and welcome" * 15 + ".", "greet:", "31 words"),
    ("S061", "\"How many rooms?\"", "\"How many? And where?\"", "How many?", "two questions"),
    ("S062", "say: Hello there.", "say: \"Hello, who is it?\"", "who is it", "only said"),
    ("S063", "sixty pounds", "£60", "£60", "read aloud"),
    ("S063", "We open at eight.", "We open Mon. at eight.", "Mon.", "read aloud"),
    ("S064", "start: greet", "start: greet\nlanguages: [en-GB, en-US]", "greet: {say", "en-US"),
    ("S064", "start: greet", "start: greet\nlanguages: [xx]", "[xx]", "default texts"),
    ("S065", "before: first question", "before: boook", "boook", "did you mean 'book'"),
    ("S070", "      message: {says: [pass on]}", "\n".join(["      message: {says: [pass on]}", *(f"      o{word}: {{}}" for word in "abcdefgh")]), "options:", "8"),
    ("S071", "size: {type: number,", "size: {type: pattern, pattern: \"[A-Z]+\",", "size:", "keys"),
    ("S072", "      job: {says: [leak, broken]}", "      job: {says: [leak, broken]}\n      job2: {}", "job2", "digits"),
    ("S090", "collect: [need]", "colect: [need]", "colect", "did you mean 'collect'"),
    ("S090", "type: date, ask: \"Which day?\",", "type: date,", "day:", "'ask' is missing"),
    ("S091", "ask: \"Your name?\"", "ask: [Who: are: you?]", "Who", "YAML"),
]  # fmt: skip


def faults(tmp_path: Path, text: str) -> tuple[object, ...]:
    path = tmp_path / "base.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        return load(path).warnings
    except ScriptError as error:
        return error.faults


def test_the_base_has_no_faults(tmp_path: Path) -> None:
    assert faults(tmp_path, BASE) == ()


@pytest.mark.parametrize(
    ("code", "old", "new", "where", "message"), FAULTS, ids=[f"{each[0]}-{index}" for index, each in enumerate(FAULTS)]
)
def test_a_planted_fault_is_found_at_its_line(tmp_path: Path, code: str, old: str, new: str, where: str, message: str) -> None:
    assert old in BASE
    text = BASE.replace(old, new, 1)
    found = [str(fault) for fault in faults(tmp_path, text)]
    if code == "S008":
        assert any(
            ": S008 " in each and "calls it" in each
            for each in (str(fault) for fault in faults(tmp_path, text.replace("Hello there., next: route", "Hello there., next: part")))
        ), found
        return
    hits = [each for each in found if f" {code} " in each and message in each]
    assert hits, found
    if where:
        lines = [f"base.yaml:{number}:" for number, line in enumerate(text.splitlines(), 1) if where in line]
        assert any(each.startswith(tuple(lines)) for each in hits), (hits, lines)


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("S035", "{slot: visit, name: name}", "{slot: visit, name: name, day: day}"),
        ("S036", "timeout: 1, if_fails: {go: message}", "if_fails: {go: message}"),
    ],
)
def test_a_doubt_is_a_warning(tmp_path: Path, code: str, old: str, new: str) -> None:
    assert old in BASE
    assert [getattr(each, "code", "") for each in faults(tmp_path, BASE.replace(old, new, 1))] == [code]


def test_arguments_are_held_against_the_plan() -> None:
    document = load(EXAMPLES / "receptionist" / "receptionist.yaml").document
    _, found = check(Builder(document, ""), {"book": frozenset({"slot", "name", "phone", "adress", "problem"})})
    assert [str(each) for each in found if each.code == "S031"] == [
        "script: S031 tools.book.with: the plan's tool takes no address; did you mean 'adress'?"
    ]


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    text = BASE.replace("go: job}", "go: jbo}").replace("sixty", "60").replace("outcome: good,", "outcome: goood,")
    assert {getattr(each, "code", "") for each in faults(tmp_path, text)} >= {"S002", "S063", "S009"}


@pytest.mark.parametrize("name", ["receptionist/receptionist.yaml", "callback/brightroof.yaml"])
def test_the_examples_have_no_faults(name: str) -> None:
    loaded = load(EXAMPLES / name)
    again = loading.compile(loaded.source)
    assert again == loaded.script
    assert len(loaded.script.hash) == 64


def test_what_is_included_comes_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "contact.yaml").write_text(
        'slots:\n  who: {type: person_name, ask: "Who is it?"}\nstates:\n  get: {collect: [who], return: true}\n', encoding="utf-8"
    )
    text = BASE.replace("start: greet", "start: greet\ninclude: [contact.yaml]").replace(
        "job: {collect: [day", "job: {call: contact.get, collect: [day"
    )
    path = tmp_path / "base.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load(path)
    assert loaded.script.states["contact.get"].collect == ("contact.who",)
    assert loaded.at("slots", "contact.who") == "contact.yaml:2"
    path.write_text(text.replace("contact.yaml", "nothing.yaml"), encoding="utf-8")
    with pytest.raises(ScriptError, match=r"base.yaml:4: S092 include.0: no file 'nothing.yaml'"):
        load(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n- b\n",
        "a: [",
        "offhook: 1\nstates: 3\n",
        "x" * 1000,
        "offhook: 2\n",
        "[" * 5000,
        "a: &a [1]\nb: \x07\n",
        "a: &a [*a, *a]\n",
    ],
)
def test_what_is_no_script_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScriptError):
        load(path)


def test_the_schema_names_every_part() -> None:
    found = schema()
    assert found["additionalProperties"] is False
    assert set(ScriptDoc.model_fields) == {name.rstrip("_") for name in found["properties"]}
