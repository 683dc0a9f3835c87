// graphql-request: one call per operation; errors are exceptions unless the error policy asks for data and errors.
import { ClientError, GraphQLClient } from "graphql-request";
import { print } from "graphql";
import { OpeningsDocument, OverviewDocument, type OverviewQuery, PutEventDocument } from "./gql/graphql.js";
import { headers, meeting, url, when } from "./inputs.js";

const client = new GraphQLClient(url, { headers });
const lenient = new GraphQLClient(url, { headers, errorPolicy: "all" });

const made = await client.request(PutEventDocument, { input: meeting });
const free = await client.request(OpeningsDocument, { input: when(60) });
const refusal = await client.request(OpeningsDocument, { input: when(0) }).catch((error: unknown) => {
  if (!(error instanceof ClientError)) throw error;
  return error.response.errors?.[0]?.extensions;
});
const partial = await lenient.rawRequest<OverviewQuery>(print(OverviewDocument), { availabilityRuleId: "default" });

console.log(JSON.stringify({
  created: made.upsertEvent?.created,
  starts: free.availability?.availableSlots?.map((slot) => slot.start),
  refusal,
  calendars: partial.data.calendars?.length,
  missing: partial.errors?.map((error) => [error.path, error.extensions?.["code"]]),
}));
