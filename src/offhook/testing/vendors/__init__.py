"""Wire-faithful doubles of speech and language vendors in one loopback server, with latencies, faults, and a log of what clients sent.

::

    async with Vendors() as vendors:
        vendors.scenario("deepgram", Scenario(...))
        env = vendors.env()        # <VENDOR>_API_KEY and <VENDOR>_BASE_URL of every vendor

Each vendor is one module here with ``VENDOR`` (its name), ``PREFIX`` (its path under the server), ``KEY`` (the key that it takes) and
``async def serve(peer, scenario)``. A new one is found by its name.
"""
