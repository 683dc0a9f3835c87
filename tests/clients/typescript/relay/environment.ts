// Relay's network and store, as every program with Relay has them.
import { Environment, Network, RecordSource, Store } from "relay-runtime";
import { headers, url } from "../inputs.js";

export const environment = new Environment({
  network: Network.create(async ({ text }, variables) => {
    const body = JSON.stringify({ query: text, variables });
    const answer = await fetch(url, { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body });
    return answer.json();
  }),
  store: new Store(new RecordSource()),
});
