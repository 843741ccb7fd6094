"""The engine's metrics by name. Labels are words of ours and names out of plans; never a call, a tenant or a number.

What is measured elsewhere comes from there: money and retention from the orchestrator, loss and jitter from transports with RTP.
"""

from __future__ import annotations

from collections.abc import Mapping

from offhook.engine.telemetry.metrics import Counter, Gauge, Histogram, Reading, Registry

STAGES = {
    "endpoint": "endpoint",
    "stt_final": "stt_final",
    "to_llm": "to_llm",
    "first_token": "llm_first",
    "first_clause": "sentence",
    "tts_first_byte": "tts_first",
    "playout": "playout",
}
"""The ladder's steps as values of the label ``stage``."""

LOSSES = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
JITTERS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
SCORES = (1.5, 2.0, 2.5, 3.0, 3.4, 3.6, 3.8, 4.0, 4.2, 4.4)


class Metrics:
    """Every metric as an attribute, in one registry."""

    def __init__(self) -> None:
        self._seen: dict[str, Reading] = {}
        # calls
        self.calls_active = Gauge("voice_calls_active", "Calls under way.", read=lambda: self._reading("calls_active"))
        self.capacity = Gauge("voice_calls_capacity", "Calls that this engine takes at most.", read=lambda: self._reading("capacity"))
        self.calls = Counter("voice_calls_total", "Calls that have ended, by how.", ("outcome",))
        self.refused = Counter("voice_calls_refused_total", "Calls that the orchestrator did not let in, by why.", ("reason",))
        self.setup = Histogram("voice_call_setup_seconds", "From the call's first media to a plan that can be carried out.")
        self.admission = Counter(
            "voice_admission_total", "Calls offered, by what was decided.", ("decision",), read=lambda: self._reading("admission")
        )
        # answers
        self.response = Histogram("voice_turn_response_seconds", "From the caller's last sample of speech to the answer's first.")
        self.stage = Histogram("voice_turn_stage_seconds", "The steps of an answer: they add up to the response.", ("stage",))
        self.overhead = Histogram(
            "voice_engine_overhead_seconds", "The engine's own share of an answer: what no vendor and no endpointing takes."
        )
        self.barge_in = Histogram("voice_barge_in_stop_seconds", "From the caller's first sample over the agent to the agent's last.")
        self.false_interruptions = Counter("voice_false_interruptions_total", "Holds of the agent that no words followed.")
        self.dead_air = Histogram("voice_dead_air_seconds", "Stretches in which the caller waited and heard nothing.")
        self.underruns = Counter("voice_audio_underruns_total", "Gaps in agent audio because the next piece was late.")
        self.mismatches = Counter("voice_tts_format_mismatch_total", "Agent audio refused for not being what the vendor had promised.")
        self.recording_failures = Counter("voice_recording_failures_total", "Recordings that had to stop.")
        # the line, of legs that can tell
        self.loss = Histogram(
            "voice_media_loss_ratio", "Share of the caller's packets that were not heard, by call.", ("transport",), bounds=LOSSES
        )
        self.jitter = Histogram(
            "voice_media_jitter_seconds", "How unevenly the caller's packets came, by call.", ("transport",), bounds=JITTERS
        )
        self.mos = Histogram("voice_media_mos", "Estimated mean opinion score of the line, by call.", ("transport",), bounds=SCORES)
        self.concealed = Counter("voice_media_concealed_seconds_total", "Caller audio that was made up for what was lost.", ("transport",))
        # speculation
        self.speculation = Counter(
            "voice_speculation_total", "Replies prepared ahead of the decision, by what became of them.", ("outcome",)
        )
        self.wasted = Counter("voice_speculation_tokens_wasted_total", "Tokens of replies that were never said.")
        # providers
        self.requests = Counter("voice_provider_requests_total", "Sessions and requests, by how they ended.", ("kind", "vendor", "outcome"))
        self.failover = Counter("voice_provider_failover_total", "Changes of provider within a call.", ("kind", "from", "to", "reason"))
        self.concurrency = Gauge("voice_provider_concurrency", "Sessions and requests that are open at a vendor.", ("vendor",))
        self.circuit = Gauge(
            "voice_provider_circuit_state", "Of a vendor's worst account: 0 closed, 1 on trial, 2 open: nothing is sent there.", ("vendor",)
        )
        self.tokens = Counter("voice_tokens_total", "Tokens of language models.", ("direction", "cached"))
        self.characters = Counter("voice_characters_total", "Characters given to voices.")
        self.tools = Counter("voice_tools_total", "Tools that have run, by how.", ("outcome",))
        # the process
        self.lag = Histogram(
            "voice_event_loop_lag_seconds",
            "How late the event loop wakes.",
            bounds=(0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0),
        )
        self.events_in_memory = Gauge(
            "voice_events_in_memory", "Events of calls that the disk refuses: a crash loses them.", read=lambda: self._reading("in_memory")
        )
        self.events_lost = Counter(
            "voice_events_lost_total", "Events of calls that memory did not hold either.", read=lambda: self._reading("lost")
        )
        self.spans_sent = Counter(
            "voice_telemetry_spans_sent_total", "Spans that the collector has taken.", read=lambda: self._reading("sent")
        )
        self.spans_dropped = Counter(
            "voice_telemetry_spans_dropped_total", "Spans that were given up, by why.", ("reason",), read=lambda: self._reading("dropped")
        )
        self.registry = Registry(value for value in vars(self).values() if isinstance(value, Counter | Gauge | Histogram))
        self.registry.add(
            Counter("voice_telemetry_series_refused_total", "Measures counted under other for want of room.", read=self._refused)
        )

    def _refused(self) -> Reading:
        return {(): float(self.registry.budget.refused)}

    def _reading(self, name: str) -> Reading:
        return self._seen.get(name, {})

    def see(
        self,
        calls: int,
        capacity: int,
        decisions: Mapping[str, int],
        spans: int,
        dropped: Mapping[str, int],
        events: tuple[int, int] = (0, 0),
    ) -> None:
        """What others count, just before it is read."""
        self._seen = {
            "calls_active": {(): calls},
            "capacity": {(): capacity},
            "admission": {(word,): count for word, count in decisions.items()},
            "sent": {(): spans},
            "dropped": {(word,): count for word, count in dropped.items()},
            "in_memory": {(): events[0]},
            "lost": {(): events[1]},
        }

    def text(self) -> str:
        """The answer to ``GET /metrics``."""
        return self.registry.text()
