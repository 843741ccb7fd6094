"""Pages for everybody."""

from __future__ import annotations

from tests.e2e.stops import Stop

_WRONG = """() => {
  document.querySelector('[name=email]').value = 'ann@harbour.example';
  document.querySelector('[name=password]').value = 'wrong';
  document.querySelector('main form').submit();
}"""
STOPS = {
    "sign-in": Stop("/sign-in", who=None),
    "sign-in-refused": Stop("/sign-in", _WRONG, who=None, wait=".problem"),
    "forgot": Stop("/forgot", who=None),
    "reset": Stop("/reset/none", who=None),
    "setup": Stop("/setup/none", who=None),
    "invitation-over": Stop("/invitations/none", who=None),
    "mail": Stop("/dev/mail", who=None),
    "missing": Stop("/t/nowhere/calls"),
    "parts": Stop("/_parts"),
    "businesses": Stop("/", who="root@platform.example"),
}
