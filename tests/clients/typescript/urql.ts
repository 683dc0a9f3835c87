// urql with its defaults: queries by GET, mutations by POST, data beside errors.
import { Client, cacheExchange, fetchExchange } from "@urql/core";
import { OpeningsDocument, OverviewDocument, PutEventDocument } from "./gql/graphql.js";
import { headers, meeting, url, when } from "./inputs.js";
import { sent } from "./sent.js";

const client = new Client({
  url,
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: { headers },
});

const made = await client.mutation(PutEventDocument, { input: meeting });
const free = await client.query(OpeningsDocument, { input: when(60) });
const refused = await client.query(OpeningsDocument, { input: when(0) });
const partial = await client.query(OverviewDocument, { availabilityRuleId: "default" });

console.log(JSON.stringify({
  created: made.data?.upsertEvent?.created,
  starts: free.data?.availability?.availableSlots?.map((slot) => slot.start),
  refusal: refused.error?.graphQLErrors[0]?.extensions,
  calendars: partial.data?.calendars?.length,
  missing: partial.error?.graphQLErrors.map((error) => [error.path, error.extensions["code"]]),
  sent,
}));
