"""Fixed phrases as audio, kept by the process: said at once, without a voice, and still there when every voice is down.

A phrase is fixed when its text has no values: the plan's lines, the script's own texts, fillers. What a plan wants is synthesised in the
background, one phrase at a time and never while a caller waits for a voice, and kept in the format of the wire, so that playing it costs
nothing. Nothing with a caller's data in it comes here.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from offhook.contracts.plan import CallPlan
from offhook.core.audio.link import Link
from offhook.core.script.model import Hole, Script, Variant
from offhook.core.script.texts import TEXTS
from offhook.core.speech.segment import clauses_of
from offhook.errors import BadOutput, FormatError, ProviderError
from offhook.ports.tts import TtsSession

LIMIT: Final = 32 * 2**20
"""Bytes of audio in memory: more than an hour of mu-law."""
DISK_LIMIT: Final = 256 * 2**20
_MOST_WANTED: Final = 2_000
IDLE_SECONDS: Final = 0.5
"""Seconds after the last reply before the next phrase is made."""
_PATIENCE: Final = 10.0
"""Seconds that a phrase may take to be made."""
_MOST_VOICES: Final = 4
"""Voices that are tried, one after another, for the phrases of a plan."""


@dataclass(frozen=True, slots=True)
class Part:
    """A clause of a clip: its samples, and for each word the sample of the clause at which it has been said (none where untimed)."""

    text: str
    samples: int
    words: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """A phrase's audio in the format of the wire, clause by clause."""

    data: bytes
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class VoiceKey:
    """Whose voice in which format: provider by its full name (``cartesia:sonic``), voice, locale, wire format."""

    tts: str
    voice: str
    locale: str
    format: str


@dataclass(frozen=True, slots=True)
class _Job:
    key: VoiceKey
    open: Callable[[], Awaitable[TtsSession]]
    link: Link
    texts: tuple[str, ...]


class Phrases:
    """The process's clips, the least used of them forgotten; with ``folder`` they outlive the process."""

    def __init__(self, folder: Path | None = None, *, limit: int = LIMIT, disk_limit: int = DISK_LIMIT) -> None:
        self.bytes = 0
        self.counts: Counter[str] = Counter()
        self._folder = folder
        self._limit = limit
        self._disk_limit = disk_limit
        self._clips: OrderedDict[tuple[VoiceKey, str], Clip] = OrderedDict()
        self._jobs: deque[_Job] = deque()
        self._wanted: set[tuple[VoiceKey, str]] = set()
        self._speaking = 0
        self._free_at = 0.0
        self._changed = anyio.Event()

    def get(self, key: VoiceKey, text: str) -> Clip | None:
        """The clip of a phrase, if it is there; never waits."""
        clip = self._clips.get((key, text))
        if clip is not None:
            self._clips.move_to_end((key, text))
            self.counts["played"] += 1
        return clip

    def put(self, key: VoiceKey, text: str, clip: Clip) -> None:
        """Keep a clip, and forget the least used ones beyond the limit."""
        if len(clip.data) > self._limit or (key, text) in self._clips:
            return
        self._clips[key, text] = clip
        self.bytes += len(clip.data)
        while self.bytes > self._limit:
            self.bytes -= len(self._clips.popitem(last=False)[1].data)
            self.counts["forgotten"] += 1

    def want(self, key: VoiceKey, open_voice: Callable[[], Awaitable[TtsSession]], link: Link, texts: Iterable[str]) -> None:
        """Have these phrases made in the background, in order; those that are there or under way are left out."""
        new = tuple(text for text in dict.fromkeys(texts) if (key, text) not in self._clips and (key, text) not in self._wanted)
        if not new or len(self._wanted) + len(new) > _MOST_WANTED:
            return
        self._wanted.update((key, text) for text in new)
        self._free_at = max(self._free_at, anyio.current_time() + IDLE_SECONDS)
        self._jobs.append(_Job(key, open_voice, link, new))
        self._changed.set()

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """While a caller waits for a voice nothing is made in the background."""
        self._speaking += 1
        try:
            yield
        finally:
            self._speaking -= 1
            if not self._speaking:
                self._free_at = anyio.current_time() + IDLE_SECONDS
                self._changed.set()

    async def run(self) -> None:
        """Make what is wanted, for as long as the process lives."""
        while True:
            if not self._jobs:
                await self._change()
                continue
            job = self._jobs.popleft()
            try:
                await self._make(job)
            except (ProviderError, FormatError) as error:
                # Said by the voice itself then, and wanted again by the next call.
                self.counts[f"failed {type(error).__name__}"] += 1
            finally:
                self._wanted.difference_update((job.key, text) for text in job.texts)

    async def _quiet(self) -> None:
        """Wait until nobody has needed a voice for a moment: most replies come after a greeting or a question has been played."""
        while self._speaking or anyio.current_time() < self._free_at:
            if self._speaking:
                await self._change()
            else:
                await anyio.sleep_until(self._free_at)

    async def _change(self) -> None:
        self._changed = anyio.Event()
        await self._changed.wait()

    async def _make(self, job: _Job) -> None:
        texts = deque([text for text in job.texts if not await self._load(job.key, text)])
        for _ in range(_MOST_VOICES):
            if not texts:
                return
            with anyio.move_on_after(_PATIENCE) as opening:
                voice = await job.open()
            if opening.cancelled_caught:
                self.counts["too slow"] += 1
                return
            await self._say(voice, job, texts)

    async def _say(self, voice: TtsSession, job: _Job, texts: deque[str]) -> None:
        """Make phrases with one voice, until it fails with one of them: that is left out, and the others are for another voice."""
        try:
            while texts:
                await self._quiet()
                text = texts.popleft()
                with anyio.move_on_after(_PATIENCE) as scope:
                    clip = await record(voice, job.link, text)
                    self.put(job.key, text, clip)
                    self.counts["made"] += 1
                    await self._save(job.key, text, clip)
                if scope.cancelled_caught:
                    self.counts["too slow"] += 1
                    return
        except (ProviderError, FormatError) as error:
            self.counts[f"failed {type(error).__name__}"] += 1
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                await voice.aclose()

    # -- the disk -----------------------------------------------------------------------------------------------------

    def _path(self, key: VoiceKey, text: str) -> Path | None:
        if self._folder is None:
            return None
        name = hashlib.sha256(json.dumps([key.tts, key.voice, key.locale, key.format, text]).encode()).hexdigest()
        return self._folder / f"{name}.clip"

    async def _load(self, key: VoiceKey, text: str) -> bool:
        path = self._path(key, text)
        if path is None:
            return False
        clip = await anyio.to_thread.run_sync(_read, path)
        if clip is None:
            return False
        self.put(key, text, clip)
        self.counts["loaded"] += 1
        return True

    async def _save(self, key: VoiceKey, text: str, clip: Clip) -> None:
        path = self._path(key, text)
        if path is None:
            return
        try:
            await anyio.to_thread.run_sync(_write, path, clip, self._disk_limit)
        except OSError:
            self.counts["not saved"] += 1


async def record(voice: TtsSession, link: Link, text: str) -> Clip:
    """Say one phrase into a clip. Raises ProviderError, or FormatError when the audio is not what it claims."""
    clauses = clauses_of(text)
    convert = link.open()
    rate = link.target.rate / link.source.rate
    data = [bytearray() for _ in clauses]
    words: list[list[tuple[str, int]]] = [[] for _ in clauses]

    async def texts() -> AsyncIterator[str]:
        for clause in clauses:
            yield clause

    async for speech in voice.speak(texts()):
        if not 0 <= speech.clause < len(clauses):
            raise BadOutput("tts", "the voice says a clause that it was not given")
        data[speech.clause] += convert.feed(speech.data)
        words[speech.clause].extend((word.text, round(word.end * rate)) for word in speech.words)
    if data:
        data[-1] += convert.flush()
    if not any(data):
        raise BadOutput("tts", "the voice says nothing")
    parts = (Part(clause, link.target.samples_in(len(d)), tuple(w)) for clause, d, w in zip(clauses, data, words, strict=True))
    return Clip(b"".join(bytes(d) for d in data), tuple(parts))


def _read(path: Path) -> Clip | None:
    """A clip from disk; None when there is none, or not a whole one."""
    try:
        head, _, data = path.read_bytes().partition(b"\n")
        parts = json.loads(head)
        clip = Clip(data, tuple(Part(text, int(samples), tuple((str(w), int(end)) for w, end in words)) for text, samples, words in parts))
    except (OSError, ValueError, TypeError):
        return None
    path.touch()
    return clip if data and clip.parts else None


def _write(path: Path, clip: Clip, limit: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = json.dumps([[part.text, part.samples, part.words] for part in clip.parts]).encode()
    part = path.with_suffix(".part")
    part.write_bytes(head + b"\n" + clip.data)
    part.replace(path)
    there = sorted(((one.stat().st_mtime_ns, one.stat().st_size, one) for one in path.parent.glob("*.clip")), key=lambda entry: entry[0])
    total = sum(size for _, size, _ in there)
    for _, size, old in there:
        if total <= limit:
            return
        old.unlink(missing_ok=True)
        total -= size


# -- which phrases are fixed --------------------------------------------------------------------------------------------------


def fixed_texts(plan: CallPlan, script: Script, *, all_of_it: bool = True) -> tuple[str, ...]:
    """Every text of a plan that has no values, those first that are needed soonest or when all else fails.

    Not ``all_of_it``: our own lines only, for a voice that costs this machine's time and keeps what it has said anyway.
    """
    lines = plan.lines
    ours = (lines.fallback, lines.failed, lines.still_there, lines.goodbye, lines.limit, lines.deaf)
    putting = (lines.putting_through, lines.still_trying, lines.not_through, lines.staying)
    bridges = (*plan.fillers.lines, *(plan.openers.lines if plan.openers.on else ()))
    if not all_of_it:
        return tuple(dict.fromkeys((*bridges, *ours, *putting)))
    start = script.states.get(script.start)
    first = [*_texts(start.say if start is not None else (), plan.locale), *_texts(script.must_say, plan.locale)]
    asks = [text for slot in script.slots.values() for text in _texts(slot.ask[:1], plan.locale)]
    defaults = TEXTS.get(plan.locale[:2], TEXTS["en"])
    own = [text for text in defaults.values() if "{" not in text and text[:1].isupper()]
    return tuple(dict.fromkeys((*first, *asks, *bridges, *ours, *putting, *_texts(script, plan.locale), *own)))


def _texts(value: object, locale: str) -> Iterator[str]:
    """The texts without values anywhere within a part of a script."""
    match value:
        case Variant():
            template = value.texts.get(locale) or value.texts.get(locale[:2]) or next(iter(value.texts.values()), ())
            if template and not any(isinstance(piece, Hole) for piece in template):
                yield "".join(str(piece) for piece in template)
        case tuple():
            for each in value:
                yield from _texts(each, locale)
        case dict():
            for each in value.values():
                yield from _texts(each, locale)
        case _ if is_dataclass(value) and not isinstance(value, type):
            for one in fields(value):
                yield from _texts(getattr(value, one.name), locale)
        case _:
            pass
