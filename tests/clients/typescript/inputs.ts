// The inputs of all clients here, most of which send the same four operations, so that their answers can be compared.
import type { AccountInput, AvailabilityInput, UpsertEventInput } from "./gql/graphql.js";

const [url, token, sub, calendarId, clientId = "", clientSecret = ""] = process.argv.slice(2) as [string, string, string, string];

export { calendarId, sub, url };
export const headers = { Authorization: `Bearer ${token}` };

export const meeting: UpsertEventInput = {
  calendarId,
  event: {
    eventId: "interview-1",
    summary: "Interview",
    start: "2040-05-14T10:00:00Z",
    end: "2040-05-14T11:00:00Z",
  },
};

export function when(minutes: number): AvailabilityInput {
  return {
    participants: [{ required: "all", members: [{ sub }] }],
    requiredDuration: { minutes },
    queryPeriods: [{ start: "2040-05-14T09:00:00Z", end: "2040-05-14T12:00:00Z" }],
    responseFormat: "SLOTS",
  };
}

// Gives a user of the application another name.
export function renamed(accountId: string, name: string): AccountInput {
  return { clientId, clientSecret, kind: "USER", accountId, name };
}
