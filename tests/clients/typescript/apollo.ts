// Apollo Client 4 with automatic persisted queries: sends the digest of a query by GET, and the query if it is unknown.
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { OpeningsDocument, OverviewDocument, PutEventDocument } from "./gql/graphql.js";
import { headers, meeting, url, when } from "./inputs.js";
import { sent } from "./sent.js";

const persisted = new PersistedQueryLink({
  sha256: (query) => createHash("sha256").update(query).digest("hex"),
  useGETForHashedQueries: true,
});
const http = new HttpLink({ uri: url, headers });
// Mutations are sent in full: only queries may be sent by GET.
const link = ApolloLink.split(({ operationType }) => operationType === "query", ApolloLink.from([persisted, http]), http);
const client = new ApolloClient({ link, cache: new InMemoryCache() });

const made = await client.mutate({ mutation: PutEventDocument, variables: { input: meeting } });
const free = await client.query({ query: OpeningsDocument, variables: { input: when(60) } });
const refusal = await client
  .query({ query: OpeningsDocument, variables: { input: when(0) } })
  .catch((error: unknown) => {
    if (!CombinedGraphQLErrors.is(error)) throw error;
    return error.errors[0]?.extensions;
  });
const partial = await client.query({
  query: OverviewDocument,
  variables: { availabilityRuleId: "default" },
  errorPolicy: "all",
});
if (!CombinedGraphQLErrors.is(partial.error)) throw new Error("a partial answer has its errors beside the data");

console.log(JSON.stringify({
  created: made.data?.upsertEvent?.created,
  starts: free.data?.availability?.availableSlots?.map((slot) => slot.start),
  refusal,
  calendars: partial.data?.calendars?.length,
  missing: partial.error.errors.map((error) => [error.path, error.extensions?.["code"]]),
  sent,
}));
