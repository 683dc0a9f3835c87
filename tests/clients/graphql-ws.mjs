// As a user of graphql-ws writes it: prints every answer, and what else happens, a JSON object a line.
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
