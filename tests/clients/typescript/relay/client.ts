// Relay: operations compiled ahead of time, and pages of a list joined in its store.
import { commitMutation, fetchQuery } from "relay-runtime";
import { calendarId, when } from "../inputs.js";
import { environment } from "./environment.js";
import EventsQuery, { type operationsEventsQuery } from "./__generated__/operationsEventsQuery.graphql.js";
import OpeningsQuery, { type operationsOpeningsQuery } from "./__generated__/operationsOpeningsQuery.graphql.js";
import PutEventsMutation, { type operationsPutEventsMutation } from "./__generated__/operationsPutEventsMutation.graphql.js";

function putEvents(calendarId: string, days: number[]): Promise<operationsPutEventsMutation["response"]> {
  const events = days.map((day) => ({
    eventId: `day-${day}`,
    summary: "Stock is taken",
    start: `2040-05-${day}`,
    end: `2040-05-${day + 1}`,
  }));
  const variables = { input: { calendarId, events } };
  return new Promise((onCompleted, onError) =>
    commitMutation<operationsPutEventsMutation>(environment, { mutation: PutEventsMutation, variables, onCompleted, onError }),
  );
}

function page(after: string | null) {
  const variables = { input: { from: "2040-05-01T00:00:00Z" }, after };
  return fetchQuery<operationsEventsQuery>(environment, EventsQuery, variables).toPromise();
}

function openings(minutes: number) {
  return fetchQuery<operationsOpeningsQuery>(environment, OpeningsQuery, { input: when(minutes) }).toPromise();
}

const made = await putEvents(calendarId, [15, 16, 17]);
const first = await page(null);
const joined = await page(first?.events?.pageInfo.endCursor ?? null);
const free = await openings(60);
// `@catch` in the query turns a refusal into a value and keeps the rest of the answer.
const refused = await openings(0);

console.log(JSON.stringify({
  created: made.upsertEvents?.created,
  events: [first, joined].map((read) => read?.events?.edges.map((edge) => edge.node.start)),
  starts: free?.availability?.ok && free.availability.value?.availableSlots?.map((slot) => slot.start),
  refusal: refused?.availability?.ok === false && refused.availability.errors,
  calendars: refused?.calendars?.length,
}));
