// What the tests call in the page: each client by its name.
import * as apollo from "./apollo.js";
import * as fetched from "./fetch.js";
import * as ws from "./websocket.js";
import * as urql from "./urql.js";

const clients = { apollo, fetch: fetched, urql, ws };
const plain = (value) => JSON.parse(JSON.stringify(value ?? null));

// The answer to a query, or the words of the error if the browser shows none.
window.ask = (client, ...request) =>
  clients[client].query(...request).then(plain, (error) => ({ failed: String(error?.cause ?? error) }));

// The results of subscriptions, by their names, as they arrive.
window.results = {};
window.watch = (name, client, ...request) => {
  window.results[name] = [];
  clients[client].subscribe(...request, (result) => {
    const problem = result.problem;
    window.results[name].push(plain(problem?.code ? { closed: problem.code, reason: problem.reason } : result));
  });
};
