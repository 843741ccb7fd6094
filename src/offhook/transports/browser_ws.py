"""A browser's websocket: the page at ``/talk``.

Protocol, version 1. Text frames hold one JSON object with a ``type``; binary frames hold audio: signed 16-bit
little-endian PCM, one channel, no header.

Browser to engine::

    {"type": "start", "version": 1, "token": "...", "rate": 16000, "rate_out": 24000, "parameters": {"did": "..."}}
        first frame, within 10 s of the upgrade. ``rate``: what the microphone frames hold, 16000 (default), 8000,
        24000 or 48000. ``rate_out``: what the page wants to be sent, one of the same, default ``rate``.
        ``token`` (string, may be "") and ``parameters`` (string to string, at most 32, ``did`` and ``caller`` are
        understood) are optional.
    <binary>                            microphone: 20 ms per frame (640 bytes at 16 kHz); any even length up to
                                        64 KiB is taken. Send all the time, silence too: position in the stream is
                                        the call's time. No binary frame before ``start``.
    {"type": "mark", "name": "e1:3"}    all audio received before that mark has been played, or was dropped by a clear
    {"type": "dtmf", "digit": "5"}      a key: 0-9 * # A-D
    {"type": "hangup"}                  goodbye; the engine closes the socket with 1000

Engine to browser::

    {"type": "started", "version": 1, "rate": 16000, "rate_out": 24000}     first frame, after a good ``start``
    <binary>                            audio to append to the play-out queue and play in order, without gaps. It comes
                                        at most 120 ms ahead of real time; any even length, usually 20 ms
    {"type": "clear"}                   drop at once all audio that has not been played, and answer all pending marks
                                        at once, in order
    {"type": "mark", "name": "e1:3"}    answer with the same object when everything received before it has been played
    {"type": "transcript" | "ladder" | "state" | "event" | ..., ...}   for display; unknown types are to be ignored
    {"type": "end", "reason": "..."}    the call is over; the engine closes with 1000 next

Other text from the browser with an unknown ``type`` is handed on as ``ClientIn``. Messages that break the protocol are
counted and skipped; after 100 in a row, or 1,000 in all, or one over 64 KiB, the socket is closed with 1008.
Close codes: 1000 the call is over, 1008 refused (bad ``start``, bad token, too much nonsense), 1013 no capacity.
"""
