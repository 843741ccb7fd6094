"""Rules of this code base that no general linter knows. Each rule says why; each exception is a line here with its reason.

Run without arguments over ``src/offhook``: prints ``path:line: message`` for each finding and exits with 1 if there are any.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src" / "offhook"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong and where."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Module:
    """A file, its path under ``src/offhook`` and its tree."""

    path: str
    tree: ast.Module
    names: dict[str, str]
    """What imported names stand for: ``sleep`` is ``anyio.sleep``."""

    @classmethod
    def read(cls, path: str, text: str) -> Module:
        """Parse. SyntaxError as Python says it."""
        tree = ast.parse(text, path)
        names: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for each in node.names:
                    names[each.asname or each.name.partition(".")[0]] = each.name if each.asname else each.name.partition(".")[0]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        return cls(path, tree, names)

    def full(self, node: ast.AST) -> str:
        """The dotted name that an expression stands for, else nothing. A name that is not imported stands for itself."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            head = self.full(node.value)
            return f"{head}.{node.attr}" if head else ""
        return ""

    def scopes(self) -> Iterator[tuple[str, ast.AST]]:
        """Every node with the qualified name of the function or class around it."""

        def walk(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.AST]]:
            for child in ast.iter_child_nodes(node):
                inner = scope
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    inner = f"{scope}.{child.name}" if scope else child.name
                yield scope, child
                yield from walk(child, inner)

        yield from walk(self.tree, "")


Rule = Callable[[Module], Iterator[Finding]]

# -- the shell --------------------------------------------------------------------------------------------------------------

SHELL = (
    "adapters/",
    "cli/",
    "client/",
    "engine/",
    "orchestrator/",
    "providers/",
    "testing/",
    "transports/",
    "inference.py",
    "signing.py",
)
"""Where the world may be touched. All else is a function of its arguments: replayable, and tested without waiting."""

WORLD = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.sleep",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "uuid.uuid1",
    "uuid.uuid4",
    "os.urandom",
    "anyio.current_time",
    "anyio.sleep",
    "anyio.sleep_until",
    "anyio.sleep_forever",
    "anyio.Lock",
    "anyio.create_task_group",
    "asyncio.sleep",
    "asyncio.Lock",
    "asyncio.timeout",
    "asyncio.wait_for",
    "threading.Lock",
    "threading.Thread",
}
WORLD_MODULES = ("random.", "secrets.", "numpy.random.")


def shell_only(module: Module) -> Iterator[Finding]:
    """Clocks, randomness, sleeps and locks belong to the shell.

    A call is replayed from its trace, and a test of the core takes no time, only because nothing in the core asks the machine
    what time it is or what the dice say.
    """
    if module.path.startswith(SHELL):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            name = module.full(node.func)
            if name in WORLD or name.startswith(WORLD_MODULES):
                yield Finding(module.path, node.lineno, f"{name} outside the shell: take the time or the value as an argument")


# -- tasks ------------------------------------------------------------------------------------------------------------------

LOOSE = {"asyncio.create_task", "asyncio.ensure_future", "asyncio.gather", "asyncio.run_coroutine_threadsafe"}
LOOSE_ALLOWED = {
    "orchestrator/jobs.py": "the job queue's worker ends in good order by cancelling its task, which a cancelled scope would cut short",
    "providers/tts/_session.py": "a session has no block of its own to hold a task group: it waits for its two tasks where they end",
}


def no_loose_tasks(module: Module) -> Iterator[Finding]:
    """Tasks are children of a task group.

    A task that nobody waits for loses its errors, outlives the call it worked for, and may be collected while it runs.
    """
    if module.path in LOOSE_ALLOWED:
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        name = module.full(node.func)
        if name in LOOSE or (isinstance(node.func, ast.Attribute) and node.func.attr == "create_task" and "loop" in name):
            yield Finding(module.path, node.lineno, f"{name}: start it in a task group, which waits for it and gets its errors")


# -- errors -----------------------------------------------------------------------------------------------------------------

BROAD = {"Exception", "BaseException", "builtins.Exception", "builtins.BaseException"}
OUTERMOST = {
    ("engine/call.py", "Call._guarded.run"): "a call's outermost scope on the wheel and the detector: a fault ends this call and no other",
    ("engine/detector.py", "Detector._pass"): "one pass for all calls: a model's fault is a deaf window, and the next pass comes",
    ("engine/engine.py", "Engine._carry"): "a call's outermost scope: a fault is counted, and the next call is unaffected",
    ("engine/failover/race.py", "Closer._close"): "whatever a vendor's library raises at a connection's end has no call any more",
    ("engine/handover.py", "HandoverDesk._deliver"): "the outermost scope of one call's files: those of others are handed over",
    ("engine/outbox.py", "Outbox._start.run"): "the outermost scope of one call's events: those of others are sent",
    ("engine/second_leg.py", "SecondLeg.carry"): "a second leg's outermost scope: it runs beside all calls, and a fault ends it alone",
    ("engine/sip.py", "SipLine._contained"): "a SIP call's outermost scope: a fault ends neither the line nor its other calls",
    ("engine/webrtc.py", "Desk._carry"): "a WebRTC call's outermost scope: it has no request that a fault would end with",
    ("engine/wheel.py", "Wheel._turn"): "the beat of all calls: a fault in one's callback is told once and silences no other",
    ("inference.py", "_outcome"): "a worker thread's outermost scope: the error, whatever it is, goes to the one who waits for the job",
    ("orchestrator/embedded.py", "EmbeddedPostgres.start"): "gives the folder's lock back and raises on",
    ("transports/audiosocket.py", "listen.one"): "a connection's outermost scope: the listener and the other calls go on",
    ("transports/sip_stack.py", "SipStack.beat"): "the beat of all legs: a fault in one ends that leg",
}
"""Scopes that may catch everything: each is the last one of its kind, or raises again."""
CANCELLED = {"asyncio.CancelledError", "concurrent.futures.CancelledError", "anyio.get_cancelled_exc_class", "trio.Cancelled"}


def caught(handler: ast.ExceptHandler) -> Iterator[ast.expr | None]:
    """What a handler catches; None for everything."""
    if isinstance(handler.type, ast.Tuple):
        yield from handler.type.elts
    else:
        yield handler.type


def no_broad_except(module: Module) -> Iterator[Finding]:
    """Only an outermost scope may catch what it does not know.

    Anywhere else it hides a mistake as if it were bad input, and the counters that would have shown it stay at zero.
    """
    for scope, node in module.scopes():
        if not isinstance(node, ast.ExceptHandler) or (module.path, scope) in OUTERMOST:
            continue
        for each in caught(node):
            if each is None or module.full(each) in BROAD:
                yield Finding(module.path, node.lineno, f"catches everything in {scope or 'the module'}: name the errors that can happen")
    for scope, node in module.scopes():
        if (
            isinstance(node, ast.Call)
            and module.full(node.func) == "contextlib.suppress"
            and any(module.full(a) in BROAD for a in node.args)
        ):
            yield Finding(module.path, node.lineno, f"suppresses everything in {scope or 'the module'}: name the errors that can happen")


def cancellation_passes(module: Module) -> Iterator[Finding]:
    """Nobody catches cancellation.

    A scope that swallows it keeps running after its call has ended, and the task group above waits for ever. What must be
    done at the end stands in ``finally``.
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            found: list[ast.expr] = [each for each in caught(node) if each is not None]
        elif isinstance(node, ast.Call) and module.full(node.func) == "contextlib.suppress":
            found = list(node.args)
        else:
            continue
        for each in found:
            name = module.full(each.func if isinstance(each, ast.Call) else each)
            if name in CANCELLED:
                yield Finding(module.path, node.lineno, f"catches {name}: let it pass, clean up in finally")


# -- tenants ----------------------------------------------------------------------------------------------------------------

SCOPES = {"TenantScope", "ResellerScope", "PlatformScope"}
SCOPES_ALLOWED = {
    "orchestrator/people/ops/accept.py": "who accepts an invitation is not yet the owner's: the directory writes the line in its log",
}
REPOS = {f"offhook.orchestrator.scope.{name}" for name in ("Repo", "ResellerRepo", "PlatformRepo")}


def repos_have_a_scope(module: Module) -> Iterator[Finding]:
    """A repository is built with a scope, which is one transaction in that scope's role of the database.

    Then a query without a tenant cannot be written by forgetting an argument. A class in a ``repo.py`` is a ``Repo``, a ``ResellerRepo``
    or a ``PlatformRepo`` by its base, or its constructor takes scopes; functions there take no session; only the database makes a scope.
    """
    if not module.path.startswith("orchestrator/"):
        return
    if module.path != "orchestrator/db.py":
        for node in ast.walk(module.tree):
            if (
                isinstance(node, ast.Call)
                and module.path not in SCOPES_ALLOWED
                and (name := module.full(node.func).rpartition(".")[2]) in SCOPES
            ):
                yield Finding(module.path, node.lineno, f"makes a {name}: take one from Database, which opens its transaction")
    if not module.path.endswith("/repo.py"):
        return
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            methods = any(isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in node.body)
            if methods and not _scoped(module, node):  # without methods it is a record
                yield Finding(module.path, node.lineno, f"{node.name} is no Repo, ResellerRepo or PlatformRepo and takes no scope")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for argument in [*node.args.args, *node.args.kwonlyargs]:
                if argument.annotation is not None and module.full(argument.annotation).endswith("AsyncSession"):
                    yield Finding(module.path, node.lineno, f"{node.name} takes a session: make it a method of a repository")


def _scoped(module: Module, node: ast.ClassDef) -> bool:
    """Whether a class is built with a scope, by its base or by its own constructor."""
    if {module.full(base) for base in node.bases} & REPOS:
        return True
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            taken = each.args.args[1].annotation if len(each.args.args) > 1 else None
            names = [part for part in ast.walk(taken) if isinstance(part, ast.Name)] if taken else []
            return bool(names) and all(module.full(name).rpartition(".")[2] in SCOPES for name in names)
    return False


INNER = {"repo", "tables"}
WIRING = ("orchestrator/tables.py", "orchestrator/migrations/")


def domains_keep_their_tables(module: Module) -> Iterator[Finding]:
    """A domain's repository and tables are its own: others ask its ``ops``.

    Then a rule about a thing (who may, what is written down beside it, which event follows) stands in one place, and a table can
    change without a search through the others.
    """
    parts = module.path.split("/")
    if parts[0] != "orchestrator" or module.path.startswith(WIRING):
        return
    own = parts[1] if len(parts) > 2 else ""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                path = name.split(".")
                if path[:2] == ["offhook", "orchestrator"] and len(path) == 4 and path[3] in INNER and path[2] != own:
                    yield Finding(module.path, node.lineno, f"imports {name}: ask {path[2]}'s ops")


# -- logs -------------------------------------------------------------------------------------------------------------------

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def logs_are_templates(module: Module) -> Iterator[Finding]:
    """A log call has a constant template and arguments.

    Then equal events have equal templates and can be counted; a value that may be personal goes into ``extra`` as ``pii.*``,
    where it is taken out, and not into the text, where nobody finds it. Also no text is made for a level that is off.
    """
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        owner = module.full(node.func.value).rpartition(".")[2]
        if owner not in {"log", "_log", "logger", "logging"}:
            continue
        texts = node.args[1:2] if node.func.attr == "log" else node.args[:1]
        if texts and not (isinstance(texts[0], ast.Constant) and isinstance(texts[0].value, str)):
            yield Finding(module.path, node.lineno, "a log call without a constant template: give values as arguments")


# -- the portal's templates ---------------------------------------------------------------------------------------------------

_TAG = re.compile(r"<[a-zA-Z][^<>]*(?:\{[{%].*?[%}]\}[^<>]*)*>", re.DOTALL)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_HX = re.compile(r"""\b(hx-[\w:.-]+)\s*=\s*("[^"]*"|'[^']*')""")
_SHOWN = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_OWN = re.compile(r"\s*(frame\.nonce|frame\.token|\w+_href)\s*")
"""What may stand in an attribute that htmx reads: the nonce, the token, and addresses that a view has built and encoded."""
_RAW = re.compile(r"\|\s*safe\b|\bMarkup\b|autoescape\s+false")


def templates_are_tame(path: str, text: str) -> list[Finding]:
    """The portal's pages run no text of a user's, and work without JavaScript.

    htmx reads instructions out of attributes, so a caller's name that reaches one is a program; a style or a script in the page is what the
    Content-Security-Policy forbids, and would be silently without effect; a form without ``action`` and ``method`` does nothing by itself.
    """
    text = _COMMENT.sub(lambda found: "\n" * found.group().count("\n"), text)

    def at(position: int) -> int:
        return text.count("\n", 0, position) + 1

    found = [Finding(path, at(one.start()), "shows text unescaped") for one in _RAW.finditer(text)]
    for tag in _TAG.finditer(text):
        line, inside = at(tag.start()), tag.group()
        name = inside[1:].split(None, 1)[0].rstrip(">/").lower()
        plain = _SHOWN.sub("", inside)
        if name == "style" or re.search(r"\sstyle\s*=", plain):
            found.append(Finding(path, line, "a style in the page: make it a class in app.css"))
        if name == "script" and ('nonce="{{ frame.nonce }}"' not in inside or "src=" not in inside):
            found.append(Finding(path, line, "a script without the page's nonce, or without a file"))
        if re.search(r"\s(on\w+|hx-on[\w:.-]*)\s*=", plain):
            found.append(Finding(path, line, "a handler in the page: make it a module"))
        if name == "form" and not (re.search(r"\saction=", plain) and re.search(r"\smethod=", plain)):
            found.append(Finding(path, line, "a form without action and method"))
        attributes = list(_HX.finditer(inside))
        if attributes and 'hx-nonce="{{ frame.nonce }}"' not in inside:
            found.append(Finding(path, line, "htmx's attributes without hx-nonce: they would be stripped"))
        for one in attributes:
            found += [
                Finding(path, line, f"{one.group(1)} holds {shown.group().strip()}: only the nonce, the token or a *_href may")
                for shown in _SHOWN.finditer(one.group(2))
                if shown.group(1) is None or not _OWN.fullmatch(shown.group(1))
            ]
    return found


RULES: tuple[Rule, ...] = (
    shell_only,
    no_loose_tasks,
    no_broad_except,
    cancellation_passes,
    repos_have_a_scope,
    domains_keep_their_tables,
    logs_are_templates,
)


def check(path: str, text: str) -> list[Finding]:
    """All findings in one file, in order."""
    module = Module.read(path, text)
    return sorted((finding for rule in RULES for finding in rule(module)), key=lambda each: (each.line, each.message))


def stale(root: Path) -> list[str]:
    """Exceptions for places that are not there any more."""
    kept = {*LOOSE_ALLOWED, *SCOPES_ALLOWED, *(path for path, _ in OUTERMOST)}
    gone = [f"{path}: an exception for a file that does not exist" for path in sorted(kept) if not (root / path).is_file()]
    for path, scope in OUTERMOST:
        if (root / path).is_file():
            module = Module.read(path, (root / path).read_text(encoding="utf-8"))
            if scope.rpartition(".")[2] not in {getattr(node, "name", "") for _, node in module.scopes()}:
                gone.append(f"{path}: an exception for {scope}, which does not exist")
    return gone


def main() -> int:
    """Check the tree; 1 if anything was found."""
    found: list[object] = list(stale(SOURCE))
    for path in sorted(SOURCE.rglob("*.py")):
        found += check(path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8"))
    for path in sorted(SOURCE.glob("orchestrator/portal/templates/**/*.html")):
        found += templates_are_tame(path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8"))
    for each in found:
        print(f"src/offhook/{each}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
