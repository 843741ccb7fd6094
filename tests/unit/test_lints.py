"""The code base's own rules: each finds what it is for, lets pass what it should, and the tree obeys."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).resolve().parents[2] / "scripts" / "lints.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("offhook_lints", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


lints = _load()


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("core/x.py", "import time\ntime.monotonic()", 2),
        ("core/x.py", "from time import monotonic as tick\ntick()", 2),
        ("core/x.py", "import datetime as dt\ndt.datetime.now()", 2),
        ("core/x.py", "from datetime import datetime, UTC\n\ndatetime.now(UTC)", 3),
        ("contracts/x.py", "import uuid\nid = uuid.uuid4()", 2),
        ("authoring/x.py", "import random\nrandom.choice([1])", 2),
        ("core/x.py", "import numpy as np\nnp.random.default_rng()", 2),
        ("core/x.py", "import anyio\nasync def f(): await anyio.sleep(1)", 2),
        ("engine/x.py", "import asyncio\nasyncio.create_task(f())", 2),
        ("engine/x.py", "import asyncio\nasync def f(): await asyncio.gather(a(), b())", 2),
        ("engine/x.py", "from asyncio import ensure_future\nensure_future(f())", 2),
        ("engine/x.py", "import asyncio\nloop = asyncio.get_event_loop()\nloop.create_task(f())", 3),
        ("engine/x.py", "try: f()\nexcept Exception: pass", 2),
        ("engine/x.py", "try: f()\nexcept (ValueError, BaseException): pass", 2),
        ("engine/x.py", "try: f()\nexcept: pass", 2),
        ("engine/x.py", "import contextlib\nwith contextlib.suppress(Exception): f()", 2),
        ("engine/x.py", "import asyncio\ntry: f()\nexcept asyncio.CancelledError: raise", 3),
        ("engine/x.py", "import anyio\ntry: f()\nexcept anyio.get_cancelled_exc_class(): pass", 3),
        ("engine/x.py", "from contextlib import suppress\nfrom asyncio import CancelledError\nwith suppress(CancelledError): f()", 3),
        ("orchestrator/x/repo.py", "class A:\n  def __init__(self, session: object) -> None: ...", 1),
        ("orchestrator/x/repo.py", "class A:\n  async def get(self) -> None: ...", 1),
        ("orchestrator/x/ops.py", "from offhook.orchestrator.scope import TenantScope\nscope = TenantScope(session, 'a')", 2),
        ("orchestrator/x/ops.py", "from offhook.orchestrator.y.repo import YRepo", 1),
        ("orchestrator/x/ops/z.py", "from offhook.orchestrator.y import tables", 1),
        ("orchestrator/app.py", "from offhook.orchestrator.y.tables import YRow", 1),
        ("orchestrator/x/repo.py", "from sqlalchemy.ext.asyncio import AsyncSession\nasync def all(session: AsyncSession): ...", 2),
        ("engine/x.py", "log.info(f'a {b}')", 1),
        ("engine/x.py", "log.warning('a %s' % b)", 1),
        ("engine/x.py", "log.log(10, 'a'.format())", 1),
    ],
)
def test_it_finds(path: str, text: str, line: int) -> None:
    assert [finding.line for finding in lints.check(path, text)] == [line]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("engine/x.py", "import time\ntime.monotonic()"),
        ("core/x.py", "from datetime import datetime\ndatetime.fromisoformat('2026-11-21')"),
        ("core/x.py", "def sleep(): ...\nsleep()"),
        ("core/x.py", "def f(time): return time.time"),
        ("engine/x.py", "import anyio\nasync def f():\n  async with anyio.create_task_group() as g: g.start_soon(f)"),
        ("engine/x.py", "try: f()\nexcept (ValueError, KeyError): pass"),
        ("inference.py", "def _outcome():\n  try: f()\n  except BaseException: raise"),
        ("orchestrator/x/repo.py", "from offhook.orchestrator.scope import Repo\nclass A(Repo):\n  async def get(self) -> None: ..."),
        ("orchestrator/x/repo.py", "class Row:\n  a: int"),
        (
            "orchestrator/x/repo.py",
            "from offhook.orchestrator.scope import PlatformScope, TenantScope\n"
            "class A:\n  def __init__(self, scope: TenantScope | PlatformScope): ...",
        ),
        ("orchestrator/x/ops.py", "from offhook.orchestrator.x.repo import XRepo\nfrom offhook.orchestrator.y import ops, schemas"),
        ("orchestrator/x/ops.py", "class A:\n  def __init__(self, session: object) -> None: ..."),
        ("engine/x.py", "log.info('a %s', b, extra={'pii.c': f'{d}'})"),
        ("engine/x.py", "book.info(f'{a}')"),
    ],
)
def test_it_lets_pass(path: str, text: str) -> None:
    assert lints.check(path, text) == []


def test_an_allowed_function_allows_nothing_else_in_its_file() -> None:
    text = "def _outcome():\n  try: f()\n  except BaseException: raise\ndef other():\n  try: f()\n  except BaseException: raise"
    assert [finding.line for finding in lints.check("inference.py", text)] == [6]


def test_exceptions_for_what_is_gone_are_found(tmp_path: Path) -> None:
    assert len(lints.stale(tmp_path)) >= 4
    assert lints.stale(lints.SOURCE) == []


def test_every_rule_says_why() -> None:
    for rule in lints.RULES:
        assert len((rule.__doc__ or "").strip().splitlines()) >= 3, rule.__name__


def test_the_tree_obeys() -> None:
    found = [
        str(finding)
        for path in lints.SOURCE.rglob("*.py")
        for finding in lints.check(path.relative_to(lints.SOURCE).as_posix(), path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        '<p style="color: red">',
        "<style>p {}</style>",
        '<script src="a.js"></script>',
        '<script nonce="{{ frame.nonce }}">alert(1)</script>',
        '<a hx-get="/x">',
        '<a hx-get="{{ call.name }}" hx-nonce="{{ frame.nonce }}">',
        '<a hx-vals=\'{"a": "{{ name }}"}\' hx-nonce="{{ frame.nonce }}">',
        '<a hx-get="/{% if a %}b{% endif %}" hx-nonce="{{ frame.nonce }}">',
        '<a hx-on:click="f()" hx-nonce="{{ frame.nonce }}">',
        '<button onclick="f()">',
        '<form action="/x">',
        '<form method="post">',
        "{{ name|safe }}",
        "{% autoescape false %}{% endautoescape %}",
    ],
)
def test_a_template_that_is_not_tame_is_found(text: str) -> None:
    found = lints.templates_are_tame("orchestrator/portal/templates/x.html", f"<main>\n{text}")
    assert {one.line for one in found} == {2}


def test_templates_that_are_tame_pass() -> None:
    text = """{# <p style="x"> #}<form action="/x" method="post"><input name="a" value="{{ typed }}">
    <a href="{{ more_href }}" hx-get="{{ more_href }}" hx-target="#more" hx-nonce="{{ frame.nonce }}"
      {% if a > b %}class="on"{% endif %}>{{ name }}</a>
    <script nonce="{{ frame.nonce }}" src="{{ asset('a.js') }}"></script>"""
    assert lints.templates_are_tame("orchestrator/portal/templates/x.html", text) == []
