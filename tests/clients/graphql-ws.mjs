// A program as a user of graphql-ws would write it. Prints every answer and every other event as a line of JSON.
// Arguments: the address of the endpoint, the token, the query, and its variables as JSON.

import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, token, query, variables] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));

const client = createClient({
  url: url.replace("http", "ws"),
  webSocketImpl: WebSocket, // a browser has its own
  connectionParams: { Authorization: `Bearer ${token}` },
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 100)),
  shouldRetry: () => true,
  retryAttempts: 200,
  on: { closed: ({ code }) => say({ closed: code }) },
});

client.subscribe(
  { query, variables: JSON.parse(variables) },
  {
    next: (answer) => say(answer),
    error: (problem) => say({ problem }),
    complete: () => say({ complete: true }),
  },
);
