"""``POST /v1/rehearsals``: a text test of the orchestrator asks what a model makes of a caller's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from offhook import signing
from offhook.engine.control import Answered, body_of, problem, refused
from offhook.engine.engine import Engine
from offhook.errors import ConfigError, Invalid, Refused, Timeout

MAX_BODY: Final = 1_048_576


async def rehearse(request: Request) -> Response:
    """200 with what would be said and who says it; a request that is sent again has the answer of the first time, and no model is asked."""
    engine: Engine = request.app.state.engine
    if not engine.settings.secret.get_secret_value():
        # Whoever may ask has models asked at addresses of their own choice, for money.
        return problem(403, "an engine without a secret (OFFHOOK_ENGINE_SECRET) takes no rehearsals")
    body = await body_of(request, MAX_BODY)
    if body is None:
        return problem(413, f"at most {MAX_BODY} bytes")
    now = datetime.now(UTC).timestamp()
    if (refusal := refused(engine, request.headers, "rehearse", "", body, now)) is not None:
        return refusal
    answered: Answered = request.app.state.answered
    message = request.headers[signing.ID]
    if (before := answered.before(message, body, now)) is not None:
        return before
    answer = await _answer(engine, body)
    if answer.status_code < 400:
        answered.keep(message, body, now, answer)
    return answer


async def _answer(engine: Engine, body: bytes) -> Response:
    if engine.admission.draining:
        return problem(503, "the engine is draining for a deploy; ask another")
    try:
        found = await engine.rehearsals.rehearse(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return problem(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except (ConfigError, Invalid) as error:
        return problem(422, error.public)
    except Refused as error:
        return problem(503, error.public)
    except Timeout as error:
        return problem(504, error.public)
    return Response(found.model_dump_json(), media_type="application/json")


ROUTES: Final = (Route("/v1/rehearsals", rehearse, methods=["POST"]),)
