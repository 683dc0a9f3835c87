// As a user of graphql-ws would subscribe.
import { createClient } from "graphql-ws";

export function subscribe(url, token, query, variables, next) {
  const client = createClient({
    url: url.replace(/^http/, "ws"),
    connectionParams: { Authorization: `Bearer ${token}` },
    shouldRetry: (event) => event.code !== 4403, // its origin may not ask: trying again does not help
  });
  client.subscribe({ query, variables }, { next, error: (problem) => next({ problem }), complete: () => {} });
}
