// A program as a user of urql would write it. Prints every answer as a line of JSON.
// Arguments: the address of the endpoint, the token, the query, and its variables as JSON.

import { Client, fetchExchange } from "@urql/core";

const [url, token, query, variables] = process.argv.slice(2);

const client = new Client({
  url,
  exchanges: [fetchExchange],
  fetchSubscriptions: true,
  preferGetMethod: false,
  fetchOptions: () => ({ headers: { authorization: `Bearer ${token}` } }),
});

const operation = query.trim().startsWith("subscription") ? "subscription" : "query";
client[operation](query, JSON.parse(variables)).subscribe(({ data, error }) => {
  const errors = error?.graphQLErrors.map(({ message, extensions, path }) => ({ message, extensions, path }));
  console.log(JSON.stringify({ data, errors, network: error?.networkError?.message }));
});
