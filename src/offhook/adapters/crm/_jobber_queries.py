"""What is asked of Jobber, in its schema of 2025-04-16. Lists are short: a query costs points for every row that it could give."""

from __future__ import annotations

from typing import Final

PAGE: Final = 40
ADDRESS: Final = "address { street1 street2 city province postalCode country }"
CLIENT: Final = "id name companyName isArchived jobberWebUri updatedAt phones { number } emails { address }"
PLACE: Final = f"clientProperties(first: 1) {{ nodes {{ id {ADDRESS} }} }}"
JOB: Final = f"id title instructions jobStatus jobberWebUri createdAt updatedAt client {{ id }} property {{ id {ADDRESS} }}"
VISIT: Final = "id title instructions startAt endAt job { id } client { id } assignedUsers(first: 3) { nodes { id } }"
MORE: Final = "pageInfo { hasNextPage endCursor }"
WRONG: Final = "userErrors { message path }"

FIND: Final = f"""query ($term: String!) {{
  clients(first: 10, searchTerm: $term, filter: {{ isArchived: false }}) {{ nodes {{ {CLIENT} {PLACE} }} }} }}"""
SHOW: Final = f"query ($id: EncodedId!) {{ client(id: $id) {{ {CLIENT} clientProperties(first: 50) {{ nodes {{ id {ADDRESS} }} }} }} }}"
CONTEXT: Final = f"""query ($id: EncodedId!, $now: ISO8601DateTime!) {{
  client(id: $id) {{
    {CLIENT} {PLACE}
    jobs(first: 20) {{ nodes {{ {JOB} visits(first: 2, filter: {{ startAt: {{ after: $now }} }}) {{ nodes {{ {VISIT} }} }} }} }}
    notes(first: 3) {{ nodes {{ id message }} }} }} }}"""
USERS: Final = f"query ($after: String) {{ users(first: {PAGE}, after: $after) {{ nodes {{ id name {{ full }} }} {MORE} }} }}"
VISITS: Final = f"""query ($from: ISO8601DateTime!, $to: ISO8601DateTime!, $after: String) {{
  visits(first: {PAGE}, after: $after, filter: {{ startAt: {{ after: $from, before: $to }} }}) {{ nodes {{ {VISIT} }} {MORE} }} }}"""
CLIENTS: Final = f"""query ($filter: ClientFilterAttributes, $after: String) {{
  clients(first: {PAGE}, after: $after, filter: $filter) {{ nodes {{ {CLIENT} {PLACE} }} {MORE} }} }}"""
JOBS: Final = f"""query ($after: String) {{
  jobs(first: {PAGE}, after: $after, sort: [{{ key: UPDATED_AT, direction: DESCENDING }}]) {{ nodes {{ {JOB} }} {MORE} }} }}"""
NEW_CLIENT: Final = f"mutation ($input: ClientCreateInput!) {{ clientCreate(input: $input) {{ client {{ id jobberWebUri }} {WRONG} }} }}"
EDIT_CLIENT: Final = f"""mutation ($id: EncodedId!, $input: ClientEditInput!) {{
  clientEdit(clientId: $id, input: $input) {{ client {{ id }} {WRONG} }} }}"""
NEW_PLACE: Final = f"""mutation ($id: EncodedId!, $input: PropertyCreateInput!) {{
  propertyCreate(clientId: $id, input: $input) {{ properties {{ id }} {WRONG} }} }}"""
NEW_REQUEST: Final = (
    f"mutation ($input: RequestCreateInput!) {{ requestCreate(input: $input) {{ request {{ id jobberWebUri }} {WRONG} }} }}"
)
NEW_JOB: Final = f"mutation ($input: JobCreateAttributes!) {{ jobCreate(input: $input) {{ job {{ id jobberWebUri }} {WRONG} }} }}"
NEW_VISIT: Final = f"""mutation ($id: EncodedId!, $input: VisitCreateInput!) {{
  visitCreate(jobId: $id, input: $input) {{ createdVisits {{ id }} {WRONG} }} }}"""
SHOW_VISIT: Final = f"query ($id: EncodedId!) {{ visit(id: $id) {{ {VISIT} }} }}"
MOVE_VISIT: Final = f"""mutation ($id: EncodedId!, $input: VisitEditScheduleInput!) {{
  visitEditSchedule(id: $id, input: $input) {{ visit {{ id }} {WRONG} }} }}"""
GIVE_VISIT: Final = f"""mutation ($id: EncodedId!, $input: VisitEditAssignedUsersInput!) {{
  visitEditAssignedUsers(visitId: $id, input: $input) {{ visit {{ id }} {WRONG} }} }}"""
DROP_VISIT: Final = f"mutation ($ids: [EncodedId!]!) {{ visitDelete(visitIds: $ids) {{ visits {{ id }} {WRONG} }} }}"
WATCH: Final = (
    f"mutation ($input: WebhookEndpointCreateInput!) {{ webhookEndpointCreate(input: $input) {{ webhookEndpoint {{ id }} {WRONG} }} }}"
)


def of(kind: str, things: str, fields: str) -> str:
    """Query for a page of what hangs on a client or job."""
    return f"""query ($id: EncodedId!, $after: String) {{
  {kind}(id: $id) {{ {things}(first: {PAGE}, after: $after) {{ nodes {{ {fields} }} {MORE} }} }} }}"""


def _note(kind: str, fields: str) -> tuple[str, str]:
    """Query for notes, and the mutation that adds one."""
    name = kind.capitalize()
    return (
        of(kind, "notes", fields),
        f"""mutation ($id: EncodedId!, $input: {name}CreateNoteInput!) {{
  {kind}CreateNote({kind}Id: $id, input: $input) {{ {kind}Note {{ id }} {WRONG} }} }}""",
    )


NOTES: Final = {
    "customer": ("client", *_note("client", "id message")),
    "lead": ("request", *_note("request", "... on RequestNote { id message }")),
    "job": ("job", *_note("job", "... on JobNote { id message }")),
}
