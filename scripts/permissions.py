"""Write docs/reference/permissions.md from ``auth/permissions.py``. ``--check``: exit 1 if it is stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from offhook.orchestrator.auth.permissions import IN_RESELLER, IN_TENANT, LEVELS, ON_PLATFORM, ROLES, Permission

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "reference" / "permissions.md"
MEANS: Final[dict[Permission, str]] = {
    "tenant.read": "see the tenant's record",
    "tenant.write": "change it, rotate its data key, export all of it (which needs every `.read` here too)",
    "tenant.delete": "erase it",
    "members.read": "see its members, invitations and sign-in providers",
    "members.write": "invite, change and remove them",
    "keys.read": "see its API keys, without their secrets",
    "keys.write": "make and revoke them, with no more than one's own permissions",
    "agents.read": "see agents, drafts, versions and tests",
    "agents.write": "change drafts, run tests",
    "agents.publish": "make a draft the live version, roll back",
    "numbers.read": "see numbers and carrier accounts, without their secrets",
    "numbers.write": "change them",
    "vendors.read": "see accounts with vendors of speech and language models, without their keys",
    "vendors.write": "change them, rotate their keys; of a reseller: those that it lends to its tenants",
    "calls.read": "see calls, transcripts, recordings and live calls",
    "calls.write": "flag calls, put right what was heard wrong, share calls by a link",
    "calls.delete": "delete calls",
    "media.write": "make one-time tokens for carriers that ask us for nothing (Asterisk, jambonz, Exotel)",
    "outgoing.read": "see calls out, limits, consents and the do-not-call list",
    "outgoing.write": "place and cancel calls out, keep consents and the do-not-call list",
    "tolls.write": "change what may be rung and how much, suspend and resume calls out",
    "live.control": "say something in a live call, transfer it, end it",
    "contacts.read": "see contacts and leads",
    "contacts.write": "change them",
    "appointments.read": "see appointments",
    "appointments.write": "make, change and cancel them",
    "webhooks.read": "see endpoints, deliveries and attempts, without secrets",
    "webhooks.write": "change endpoints, rotate secrets, replay",
    "connections.read": "see systems, connections, how they do and what was said, without secrets",
    "connections.write": "test connections, choose and map what they use",
    "connections.connect": "connect systems and disconnect them; of a reseller, its own clients with systems",
    "audit.read": "read the audit log, and check it",
    "reseller.read": "see the reseller, its tenants and their certificates of erasure",
    "reseller.write": "change its name and brand",
    "tenants.create": "make tenants, suspend them, set their limits",
    "resellers.read": "see all resellers",
    "resellers.write": "make, suspend and delete resellers, move tenants, wrap data keys anew",
    "platform.audit": "read the platform's own log, all certificates of erasure, and which master key wraps what",
}
SECTIONS: Final = (("In a tenant", IN_TENANT), ("In a reseller", IN_RESELLER), ("On the platform", ON_PLATFORM))


def page() -> str:
    """The whole page; KeyError for a permission without a meaning."""
    parts = [
        "# Permissions",
        "Made by `python scripts/permissions.py` from `offhook.orchestrator.auth.permissions`; do not edit. Every operation of the API asks"
        " for one permission; which one, its answer 403 says. An API key has a list of its own, never more than its maker had.",
        "A role is given on a level: " + ", ".join(f"`{role}` ({level})" for role, level in LEVELS.items()) + "."
        " A role in a reseller holds in all its tenants, one on the platform holds everywhere."
        " `members`, `keys` and `audit.read` of such a role hold for its own level's team, keys and log too.",
    ]
    for title, permissions in SECTIONS:
        rows = [f"## {title}", ""]
        parts.append("\n".join([*rows, *_table([one for one in MEANS if one in permissions])]))
    return "\n\n".join(parts) + "\n"


def _table(permissions: list[Permission]) -> list[str]:
    head = ["permission", "to", *(f"`{role}`" for role in ROLES)]
    rows = [[f"`{one}`", MEANS[one], *("yes" if one in has else "" for has in ROLES.values())] for one in permissions]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def main() -> int:
    text = page()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print(f"{PAGE} is out of date: run scripts/permissions.py")
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
