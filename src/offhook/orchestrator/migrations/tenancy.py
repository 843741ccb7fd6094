"""Who may read which rows: the database's own roles and row-level security, for use in migrations.

``offhook_app`` is who the application connects as. It owns nothing and may read nothing; each transaction takes one of the scope
roles, which it is a member of without inheriting from them: ``offhook_tenant`` (one tenant's rows, by the setting ``offhook.tenant``),
``offhook_reseller`` (by ``offhook.reseller``), ``offhook_platform`` (the directory). ``offhook_jobs`` runs the job queue's own tables.
Row-level security is forced, so that it binds the owner too. Every table is declared here, by one of these functions.

Roles belong to the whole server, so they are made only where they are missing, and several databases may share them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

Run: TypeAlias = Callable[[str], Any]
"""``op.get_bind().exec_driver_sql``."""

SCOPES: Final = ("offhook_tenant", "offhook_reseller", "offhook_platform")
ALL: Final = "select, insert, update, delete"
TENANT: Final = "tenant_id = current_setting('offhook.tenant', true)"
RESELLER: Final = "reseller_id = current_setting('offhook.reseller', true)"


def roles(run: Run) -> None:
    """Make the roles. Whoever migrates must be allowed to make roles, or find them made."""
    for role in ("offhook_app", *SCOPES, "offhook_jobs"):
        login = "login" if role == "offhook_app" else "nologin"
        # Two databases of one server may be migrated at the same moment: the second finds the role made.
        run(f"""
            do $$ begin
                if not exists (select from pg_roles where rolname = '{role}') then
                    create role {role} {login} nosuperuser nobypassrls noinherit nocreatedb nocreaterole;
                end if;
            exception when duplicate_object or unique_violation then null;
            end $$""")
    for role in (*SCOPES, "offhook_jobs"):
        run(_member(role, "'offhook_app'"))
        run(f"grant usage on schema public to {role}")
    run(_member("offhook_app", "current_user"))
    run("revoke create on schema public from public")


def _member(role: str, member: str) -> str:
    # Granting what is granted writes to the server's catalogue all the same, and two that do it at once disturb each other.
    return f"""
        do $$ begin
            if not exists (select from pg_auth_members where roleid = '{role}'::regrole and member = {member}::regrole) then
                grant {role} to {member.strip("'")};
            end if;
        exception when duplicate_object or unique_violation then null;
        end $$"""


def _protect(run: Run, table: str) -> None:
    run(f"alter table {table} enable row level security")
    run(f"alter table {table} force row level security")


def policy(run: Run, table: str, role: str, rights: str, condition: str) -> None:
    """Let a scope role do ``rights`` on the rows that meet the condition. ``select (a, b)`` grants columns only."""
    run(f"grant {rights} on {table} to {role}")
    kinds = sorted({one.strip().split("(")[0].split()[0] for one in _outer(rights)})
    for kind in kinds:
        using = "" if kind == "insert" else f" using ({condition})"
        check = f" with check ({condition})" if kind in {"insert", "update"} else ""
        run(f"create policy {role}_{kind} on {table} as permissive for {kind} to {role}{using}{check}")


def _outer(rights: str) -> list[str]:
    """Split at the commas outside brackets."""
    parts, depth = [""], 0
    for letter in rights:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def tenant_table(run: Run, table: str, *, rights: str = ALL, column: str = "tenant_id") -> None:
    """A tenant's table: its own rows only."""
    _protect(run, table)
    policy(run, table, "offhook_tenant", rights, f"{column} = current_setting('offhook.tenant', true)")


def reseller_table(run: Run, table: str, *, rights: str = ALL, column: str = "reseller_id") -> None:
    """A reseller's table: its own rows only."""
    _protect(run, table)
    policy(run, table, "offhook_reseller", rights, f"{column} = current_setting('offhook.reseller', true)")


def platform_table(run: Run, table: str, *, rights: str = ALL) -> None:
    """A table of the directory."""
    _protect(run, table)
    policy(run, table, "offhook_platform", rights, "true")


def platform_reads(run: Run, table: str, columns: str) -> None:
    """Let the directory read these columns of a tenant's table."""
    policy(run, table, "offhook_platform", f"select ({columns})", "true")
