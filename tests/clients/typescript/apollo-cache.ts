// Apollo Client's normalised cache: an object that one operation brings is updated in the results of all others.
import { setTimeout } from "node:timers/promises";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, type OperationVariables, type TypedDocumentNode } from "@apollo/client";
import { AgendaDocument, MeetingDocument, ProfileDocument, RenameDocument, RetitleDocument } from "./gql/graphql.js";
import { calendarId, headers, meeting, renamed, sub, url, when } from "./inputs.js";

const sent: string[] = [];
const recorder = new ApolloLink((operation, forward) => {
  sent.push(operation.operationName ?? "");
  return forward(operation);
});
const link = recorder.concat(new HttpLink({ uri: url, headers }));
const cache = new InMemoryCache({
  possibleTypes: { Node: ["Account", "Booking", "Calendar", "Event", "RealTimeScheduling"] },
});
const client = new ApolloClient({ link, cache });

// Every result of a query that is in the cache, as a component that shows it gets them.
function shown<Data, Variables extends OperationVariables>(query: TypedDocumentNode<Data, Variables>, variables: Variables): Data[] {
  const results: Data[] = [];
  client.watchQuery<Data, OperationVariables>({ query, variables }).subscribe(({ data, dataState }) => {
    if (dataState === "complete") results.push(data as Data);
  });
  return results;
}

await client.mutate({ mutation: RetitleDocument, variables: { input: meeting } });
const meetings = { input: when(60) };
const agenda = { calendarId, input: { from: meeting.event.start } };
const first = await client.query({ query: MeetingDocument, variables: meetings });
await client.query({ query: AgendaDocument, variables: agenda });
const slots = shown(MeetingDocument, meetings);
const events = shown(AgendaDocument, agenda);

const accountId = first.data?.availability?.availableSlots?.[0]?.participants[0]?.account?.accountId ?? "";
await client.mutate({ mutation: RenameDocument, variables: { input: renamed(accountId, "Ada Lovelace") } });
const profile = await client.query({ query: ProfileDocument, variables: { id: sub }, fetchPolicy: "network-only" });

const input = { ...meeting, event: { ...meeting.event, summary: "Second interview" } };
await client.mutate({ mutation: RetitleDocument, variables: { input } });
await setTimeout(); // what is in the cache reaches its subscribers within this turn of the event loop

console.log(JSON.stringify({
  identified: profile.data?.node?.id === sub,
  names: slots.map((data) => data.availability?.availableSlots?.map((slot) => slot.participants[0]?.account?.name)),
  titles: events.map((data) => data.node && "events" in data.node && data.node.events?.nodes.map((event) => event.summary)),
  sent,
}));
