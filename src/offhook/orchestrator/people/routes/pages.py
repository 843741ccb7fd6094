"""The pages that links in mails and the first start's link lead to: each one form over one operation, until somebody is signed in."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from typing import Annotated, Final

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

router = APIRouter(tags=["pages"], include_in_schema=False)
MailToken = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]

STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem;color:#16181d;background:#fff}"
    "label{display:block;margin:0 0 1rem}input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;"
    "border:1px solid #767b85;border-radius:4px}button{font:inherit;padding:.5rem 1.25rem;border:0;border-radius:4px;"
    "background:#16181d;color:#fff}#said{margin-top:1rem}"
    "@media(prefers-color-scheme:dark){body{background:#16181d;color:#eceef2}input{background:#22252c;color:inherit}"
    "button{background:#eceef2;color:#16181d}}"
)
SCRIPT: Final = """
const form = document.querySelector("form"), said = document.querySelector("#said");
let pending = null;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  said.textContent = "";
  const typed = Object.fromEntries([...new FormData(form)].filter(([name, value]) => value !== "" && name !== "code"));
  if (form.dataset.token) typed.token = form.dataset.token;
  const body = pending ? { pending, code: new FormData(form).get("code") } : typed;
  let answer, found = {};
  try {
    answer = await fetch(pending ? "/v1/session/totp" : form.dataset.to, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    if (answer.status !== 204) found = await answer.json();
  } catch {
    said.textContent = "The server cannot be reached. Try again.";
    return;
  }
  if (!answer.ok) {
    said.textContent = [found.detail || found.title, ...(found.errors || []).map((one) => `${one.path}: ${one.message}`)].join(" ");
  } else if (found.next === "totp") {
    pending = found.pending;
    form.querySelectorAll("label").forEach((label) => { label.hidden = !label.matches(".code"); });
    form.querySelectorAll("input").forEach((input) => { input.required = input.name === "code"; });
    form.querySelector("[name=code]").focus();
  } else {
    form.hidden = true;
    said.textContent = form.dataset.done;
  }
});
"""
_HASH: Final = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The address holds a secret: it goes into no cache and no Referer."""


@dataclass(frozen=True, slots=True)
class Field:
    """An input of a form."""

    name: str
    label: str
    type: str = "text"
    autocomplete: str = "off"
    needed: bool = True


NAME: Final = Field("name", "Your name", autocomplete="name")
EMAIL: Final = Field("email", "Mail address", "email", "username")
PASSWORD: Final = Field("password", "Password", "password", "current-password")
NEW: Final = Field("password", "New password (12 characters or more)", "password", "new-password")


def page(title: str, hint: str, to: str, fields: tuple[Field, ...], button: str, done: str, token: str = "") -> HTMLResponse:
    """A form that sends its fields as JSON; ``token`` goes with them."""
    inputs = "".join(
        f'<label>{escape(one.label)}<input name="{one.name}" type="{one.type}" autocomplete="{one.autocomplete}"'
        f"{' required' if one.needed else ''}></label>"
        for one in fields
    )
    code = '<label class="code" hidden>Code of your app<input name="code" inputmode="numeric" autocomplete="one-time-code"></label>'
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><main><h1>{escape(title)}</h1><p>{escape(hint)}</p>"
        f'<form data-to="{escape(to)}" data-done="{escape(done)}" data-token="{escape(token)}">{inputs}{code}'
        f'<button>{escape(button)}</button></form><p id="said" role="status"></p>'
        f"<noscript><p>This page needs JavaScript.</p></noscript></main><script>{SCRIPT}</script></html>",
        headers=HEADERS,
    )


@router.get("/setup/{token}", response_class=HTMLResponse)
async def setup_page(token: MailToken) -> HTMLResponse:
    """The first administrator."""
    hint = "You will run this installation: its resellers, tenants and people. The link works once."
    done = "Done. You are signed in as the administrator of this installation."
    return page("Set up offhook", hint, "/v1/setup", (NAME, EMAIL, NEW), "Create my account", done, token)


@router.get("/invitations/{token}", response_class=HTMLResponse)
async def invitation_page(token: MailToken) -> HTMLResponse:
    """Accepting an invitation, with an account or without."""
    hint = "If you have an account with this mail address, type its password and leave the name empty."
    name = Field("name", "Your name, for a new account", autocomplete="name", needed=False)
    password = Field("password", "Password", "password", "new-password")
    done = "Done. You are a member now, and signed in."
    return page("Accept the invitation", hint, f"/v1/invitations/{token}/accept", (name, password), "Accept", done)


@router.get("/reset/{token}", response_class=HTMLResponse)
async def reset_page(token: MailToken) -> HTMLResponse:
    """A new password."""
    done = "Done. Your password is changed; sign in with it."
    return page("Choose a new password", "All your sessions end.", "/v1/password/reset", (NEW,), "Change the password", done, token)


@router.get("/forgot", response_class=HTMLResponse)
async def forgot_page() -> HTMLResponse:
    """Asking for a mail."""
    done = "If there is an account with this address, a mail is on its way."
    return page("Forgot your password?", "We send you a link.", "/v1/password/forgot", (EMAIL,), "Send the mail", done)


@router.get("/sign-in", response_class=HTMLResponse)
async def sign_in_page() -> HTMLResponse:
    """Signing in."""
    return page("Sign in", "", "/v1/session", (EMAIL, PASSWORD), "Sign in", "You are signed in.")
