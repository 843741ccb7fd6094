"""The part of Jobber's GraphQL schema that is used, as its developers' pages and its introspection in 2026 have it."""

from __future__ import annotations

import functools
from typing import Final

from graphql import DocumentNode, FieldNode, IntValueNode, OperationDefinitionNode, SelectionSetNode, build_schema, parse, validate

SCHEMA: Final = build_schema(
    """
scalar EncodedId
scalar ISO8601DateTime
scalar ISO8601Date
scalar ISO8601Time
scalar Timezone
enum SortDirectionEnum { ASCENDING DESCENDING }
enum JobSortKey { CREATED_AT UPDATED_AT COMPLETED_AT }
enum JobStatusTypeEnum {
  requires_invoicing archived late today upcoming action_required on_hold unscheduled active expiring_within_30_days }
enum VisitStatusTypeEnum { ACTIVE COMPLETED LATE TODAY UNSCHEDULED UPCOMING }
enum EmailDescription { MAIN WORK PERSONAL OTHER }
enum PhoneNumberDescription { MAIN WORK MOBILE HOME FAX OTHER }
enum BillingStrategy { FIXED_PRICE VISIT_BASED }
enum BillingFrequencyEnum { ON_COMPLETION PERIODIC PER_VISIT NEVER }
enum WebHookTopicEnum {
  CLIENT_CREATE CLIENT_UPDATE CLIENT_DESTROY JOB_CREATE JOB_UPDATE JOB_DESTROY JOB_CLOSED
  VISIT_CREATE VISIT_UPDATE VISIT_DESTROY VISIT_COMPLETE REQUEST_CREATE REQUEST_UPDATE REQUEST_DESTROY }

input Iso8601DateTimeRangeInput { after: ISO8601DateTime before: ISO8601DateTime eq: ISO8601DateTime }
input ClientFilterAttributes { isCompany: Boolean isLead: Boolean isArchived: Boolean updatedAt: Iso8601DateTimeRangeInput
  createdAt: Iso8601DateTimeRangeInput }
input VisitFilterAttributes { startAt: Iso8601DateTimeRangeInput endAt: Iso8601DateTimeRangeInput status: VisitStatusTypeEnum }
input JobsSortInput { key: JobSortKey! direction: SortDirectionEnum! }
input EmailCreateAttributes { description: EmailDescription primary: Boolean address: String! }
input PhoneNumberCreateAttributes { description: PhoneNumberDescription primary: Boolean number: String! smsAllowed: Boolean }
input AddressAttributes { street1: String street2: String city: String province: String postalCode: String country: String }
input PropertyAttributes { address: AddressAttributes! name: String }
input PropertyCreateInput { properties: [PropertyAttributes!] }
input ClientCreateInput { firstName: String lastName: String companyName: String isCompany: Boolean emails: [EmailCreateAttributes!]
  phones: [PhoneNumberCreateAttributes!] properties: [PropertyAttributes!] }
input ClientEditInput { firstName: String lastName: String companyName: String emailsToAdd: [EmailCreateAttributes!]
  phonesToAdd: [PhoneNumberCreateAttributes!] }
input RequestCreateInput { clientId: EncodedId! propertyId: EncodedId title: String }
input JobInvoicingAttributes { invoicingType: BillingStrategy! invoicingSchedule: BillingFrequencyEnum! }
input JobSchedulingAttributes { createVisits: Boolean! notifyTeam: Boolean! assignedTo: [EncodedId!] }
input JobCreateAttributes { propertyId: EncodedId! requestId: EncodedId title: String instructions: String
  invoicing: JobInvoicingAttributes! scheduling: JobSchedulingAttributes }
input LocalDateTimeAttributes { date: ISO8601Date! time: ISO8601Time timezone: Timezone! }
input VisitScheduleAttributes { startAt: LocalDateTimeAttributes endAt: LocalDateTimeAttributes notifyTeam: Boolean
  teamMemberIdsToAssign: [EncodedId!] }
input VisitAttributes { title: String instructions: String schedule: VisitScheduleAttributes }
input VisitCreateInput { visits: [VisitAttributes!]! }
input VisitEditScheduleInput { startAt: LocalDateTimeAttributes! endAt: LocalDateTimeAttributes! }
input VisitEditAssignedUsersInput { assignedUserIds: [EncodedId!]! }
input ClientCreateNoteInput { message: String! pinned: Boolean }
input RequestCreateNoteInput { message: String! pinned: Boolean }
input JobCreateNoteInput { message: String! pinned: Boolean }
input WebhookEndpointCreateInput { topic: WebHookTopicEnum! url: String! }

type PageInfo { hasNextPage: Boolean! endCursor: String }
type Account { id: EncodedId! name: String! }
type UserName { full: String! first: String last: String }
type User { id: EncodedId! name: UserName! }
type UserConnection { nodes: [User!]! pageInfo: PageInfo! }
type Address { street1: String street2: String city: String province: String postalCode: String country: String }
type ClientPhoneNumber { number: String! primary: Boolean! }
type Email { address: String! primary: Boolean! }
type Property { id: EncodedId! address: Address! }
type PropertyConnection { nodes: [Property!]! pageInfo: PageInfo! }
type Client { id: EncodedId! name: String! firstName: String lastName: String companyName: String isCompany: Boolean! isArchived: Boolean!
  jobberWebUri: String! createdAt: ISO8601DateTime! updatedAt: ISO8601DateTime! phones: [ClientPhoneNumber!]! emails: [Email!]!
  clientProperties(first: Int, after: String): PropertyConnection! requests(first: Int, after: String): RequestConnection!
  jobs(first: Int, after: String, sort: [JobsSortInput!]): JobConnection! notes(first: Int, after: String): ClientNoteConnection! }
type ClientConnection { nodes: [Client!]! pageInfo: PageInfo! }
type ClientNote { id: EncodedId! message: String! }
type ClientNoteConnection { nodes: [ClientNote!]! pageInfo: PageInfo! }
type Request { id: EncodedId! title: String jobberWebUri: String! client: Client! property: Property
  notes(first: Int, after: String): RequestNoteUnionConnection! }
type RequestConnection { nodes: [Request!]! pageInfo: PageInfo! }
type RequestNote { id: EncodedId! message: String! }
union RequestNoteUnion = ClientNote | RequestNote
type RequestNoteUnionConnection { nodes: [RequestNoteUnion!]! pageInfo: PageInfo! }
type Job { id: EncodedId! title: String instructions: String jobStatus: JobStatusTypeEnum! jobberWebUri: String!
  createdAt: ISO8601DateTime! updatedAt: ISO8601DateTime! client: Client! property: Property!
  visits(first: Int, after: String, filter: VisitFilterAttributes): VisitConnection!
  notes(first: Int, after: String): JobNoteUnionConnection! }
type JobConnection { nodes: [Job!]! pageInfo: PageInfo! }
type JobNote { id: EncodedId! message: String! }
union JobNoteUnion = ClientNote | RequestNote | JobNote
type JobNoteUnionConnection { nodes: [JobNoteUnion!]! pageInfo: PageInfo! }
type Visit { id: EncodedId! title: String instructions: String startAt: ISO8601DateTime endAt: ISO8601DateTime job: Job! client: Client!
  assignedUsers(first: Int, after: String): UserConnection! }
type VisitConnection { nodes: [Visit!]! pageInfo: PageInfo! }
type WebhookEndpoint { id: EncodedId! topic: WebHookTopicEnum! url: String! }
type MutationErrors { message: String! path: [String!]! }

type ClientPayload { client: Client userErrors: [MutationErrors!]! }
type PropertyCreatePayload { client: Client properties: [Property!] userErrors: [MutationErrors!]! }
type RequestCreatePayload { request: Request userErrors: [MutationErrors!]! }
type JobCreatePayload { job: Job userErrors: [MutationErrors!]! }
type VisitCreatePayload { createdVisits: [Visit!] userErrors: [MutationErrors!]! }
type VisitPayload { visit: Visit userErrors: [MutationErrors!]! }
type VisitDeletePayload { visits: [Visit!] userErrors: [MutationErrors!]! }
type ClientCreateNotePayload { clientNote: ClientNote userErrors: [MutationErrors!]! }
type RequestCreateNotePayload { requestNote: RequestNote userErrors: [MutationErrors!]! }
type JobCreateNotePayload { jobNote: JobNote userErrors: [MutationErrors!]! }
type WebhookEndpointCreatePayload { webhookEndpoint: WebhookEndpoint userErrors: [MutationErrors!]! }

type Query {
  account: Account
  users(first: Int, after: String): UserConnection!
  client(id: EncodedId!): Client
  clients(first: Int, after: String, searchTerm: String, filter: ClientFilterAttributes): ClientConnection!
  request(id: EncodedId!): Request
  job(id: EncodedId!): Job
  jobs(first: Int, after: String, sort: [JobsSortInput!]): JobConnection!
  visit(id: EncodedId!): Visit
  visits(first: Int, after: String, filter: VisitFilterAttributes): VisitConnection!
}
type Mutation {
  clientCreate(input: ClientCreateInput!): ClientPayload!
  clientEdit(clientId: EncodedId!, input: ClientEditInput!): ClientPayload!
  propertyCreate(clientId: EncodedId!, input: PropertyCreateInput!): PropertyCreatePayload!
  requestCreate(input: RequestCreateInput!): RequestCreatePayload!
  jobCreate(input: JobCreateAttributes!): JobCreatePayload!
  visitCreate(jobId: EncodedId!, input: VisitCreateInput!): VisitCreatePayload!
  visitEditSchedule(id: EncodedId!, input: VisitEditScheduleInput!): VisitPayload!
  visitEditAssignedUsers(visitId: EncodedId!, input: VisitEditAssignedUsersInput!): VisitPayload!
  visitDelete(visitIds: [EncodedId!]!): VisitDeletePayload!
  clientCreateNote(clientId: EncodedId!, input: ClientCreateNoteInput!): ClientCreateNotePayload!
  requestCreateNote(requestId: EncodedId!, input: RequestCreateNoteInput!): RequestCreateNotePayload!
  jobCreateNote(jobId: EncodedId!, input: JobCreateNoteInput!): JobCreateNotePayload!
  webhookEndpointCreate(input: WebhookEndpointCreateInput!): WebhookEndpointCreatePayload!
}
"""
)


@functools.lru_cache(maxsize=256)
def read(query: str) -> tuple[DocumentNode, int]:
    """A query that the schema takes, and what it costs; GraphQLError."""
    document = parse(query)
    for error in validate(SCHEMA, document):
        raise error
    return document, _points(document)


def _points(document: DocumentNode) -> int:

    def of(selections: SelectionSetNode | None) -> int:
        total = 0
        for one in selections.selections if selections else ():
            times = 1
            if isinstance(one, FieldNode):
                first = next((arg.value for arg in one.arguments or () if arg.name.value == "first"), None)
                times = int(first.value) if isinstance(first, IntValueNode) else 1
            total += 1 + times * of(getattr(one, "selection_set", None))
        return total

    return sum(of(one.selection_set) for one in document.definitions if isinstance(one, OperationDefinitionNode))
