// Relay's refetch: what `useRefetchableFragment` does in a component, with the calls of its runtime.
import { register } from "node:module";
import { commitMutation, fetchQuery, getRefetchMetadata, getSingularSelector, type SingularReaderSelector } from "relay-runtime";
import { renamed, sub } from "../inputs.js";
import { environment } from "./environment.js";
import ProfileQuery, { type operationsProfileQuery } from "./__generated__/operationsProfileQuery.graphql.js";
import RenameMutation, { type operationsRenameMutation } from "./__generated__/operationsRenameMutation.graphql.js";
import type { operations_person$data } from "./__generated__/operations_person.graphql.js";

// A refetchable fragment imports its query without `.js`, which a bundler finds and Node does not.
const hook = 'export const resolve = (name, context, next) => next(name.replace(/[.]graphql$/, "$&.js"), context);';
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const { default: Person } = await import("./__generated__/operations_person.graphql.js");

function rename(accountId: string, name: string): Promise<operationsRenameMutation["response"]> {
  const variables = { input: renamed(accountId, name) };
  return new Promise((onCompleted, onError) =>
    commitMutation<operationsRenameMutation>(environment, { mutation: RenameMutation, variables, onCompleted, onError }),
  );
}

const profile = await fetchQuery<operationsProfileQuery>(environment, ProfileQuery, { sub }).toPromise();
const fragment: SingularReaderSelector = getSingularSelector(Person, profile?.account);
const read = environment.lookup(fragment);
const shown = [read.data as unknown as operations_person$data];
environment.subscribe(read, ({ data }) => shown.push(data as unknown as operations_person$data));

await rename(shown[0]?.accountId ?? "", "Ada Lovelace");
const { identifierInfo, refetchableRequest } = getRefetchMetadata(Person, "refetch");
await fetchQuery(environment, refetchableRequest, { id: shown[0]?.id }).toPromise();

console.log(JSON.stringify({
  refetched: { query: refetchableRequest.params.name, by: identifierInfo?.identifierField },
  names: shown.map((person) => person.name),
}));
