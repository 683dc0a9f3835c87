// GraphiQL with additions: the examples as tabs, and one token for all of them.
"use strict";

(() => {
  const page = document.getElementById("page").dataset;
  const examples = JSON.parse(document.getElementById("examples").textContent);
  const access = document.getElementById("access");
  const token = document.getElementById("token");
  const forget = document.getElementById("forget");
  const received = document.getElementById("received");
  const place = document.getElementById("graphiql");

  // --- storage -----------------------------------------------------------------------------------------------------

  // The browser's storage; in memory where the page is not allowed to use it.
  function storageOf(name) {
    try {
      return window[name];
    } catch {
      const values = new Map();
      return {
        getItem: (key) => values.get(key) ?? null,
        setItem: (key, value) => void values.set(key, value),
        removeItem: (key) => void values.delete(key),
      };
    }
  }

  const local = storageOf("localStorage");
  const session = storageOf("sessionStorage");
  const PREFIX = "openings:";
  // The examples that the tabs were made of.
  const OF_EXAMPLES = "openings:examples";

  function keyOf(name) {
    return PREFIX + name;
  }

  function stored(prefix) {
    return Object.keys(local).filter((key) => key.startsWith(prefix));
  }

  // GraphiQL's history stores the headers of each request even with shouldPersistHeaders: false.
  function withoutHeaders(value) {
    return JSON.stringify(JSON.parse(value, (key, inner) => (key === "headers" ? undefined : inner)));
  }

  // In a query or in variables, at any depth of quoting. A value with spaces is a placeholder, not a secret.
  const SECRET = /\b((?:clientSecret|refreshToken|token)(?:\\*")?\s*:\s*\\*")[^"\\\s]+(?=\\*")/g;

  const storage = {
    getItem: (name) => local.getItem(keyOf(name)),
    setItem: (name, value) => {
      const history = name === "graphiql:queries" || name === "graphiql:favorites";
      local.setItem(keyOf(name), (history ? withoutHeaders(value) : value).replace(SECRET, "$1"));
    },
    removeItem: (name) => local.removeItem(keyOf(name)),
    clear: () => stored(PREFIX).forEach((key) => local.removeItem(key)),
    get length() {
      return stored(PREFIX).length;
    },
  };

  function sameTab(one, other) {
    return one.query === other.query && (one.variables ?? "") === (other.variables ?? "");
  }

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  // New examples take the place of those before, for they have other ids and dates. A tab that is the user's own, or was
  // changed, stays.
  function openExamples() {
    const given = JSON.stringify(examples);
    const before = local.getItem(OF_EXAMPLES);
    if (before === given || examples.length === 0) return;
    const old = parsed(before) ?? [];
    const tabs = parsed(storage.getItem("graphiql:tabState"))?.tabs ?? [];
    const own = tabs.filter((tab) => (tab.query ?? "").trim() && ![...old, ...examples].some((one) => sameTab(one, tab)));
    const made = examples.map(({ query, variables }, place) => {
      const title = /(?:query|mutation|subscription)\s+(\w+)/.exec(query)?.[1] ?? "Example";
      const unset = { headers: null, response: null, hash: null };
      return { ...unset, id: `example-${place}-${page.examples}`, title, query, variables, operationName: title };
    });
    storage.setItem("graphiql:tabState", JSON.stringify({ activeTabIndex: 0, tabs: [...made, ...own] }));
    // GraphiQL selects the tab that has these.
    storage.setItem("graphiql:query", examples[0].query);
    storage[examples[0].variables ? "setItem" : "removeItem"]("graphiql:variables", examples[0].variables);
    local.setItem(OF_EXAMPLES, given);
    stored(`${OF_EXAMPLES}:`).forEach((key) => local.removeItem(key)); // of an earlier version of this page
  }

  // --- the token: for this browser tab only, never in an address or on disk ----------------------------------------

  const TOKEN = "openings:token";

  function useToken(value) {
    token.value = value.trim().replace(/^bearer\s+/i, "");
    session.setItem(TOKEN, token.value);
    forget.hidden = token.value === "";
    received.hidden = true;
    access.classList.remove("wanted");
    render();
  }

  function offerToken(words, value) {
    const before = token.value;
    received.textContent = words;
    received.onclick = () => {
      useToken(value);
      if (before) offerToken("Use the token before", before);
    };
    received.hidden = false;
  }

  // `#token=…` at the end of the address: a browser sends it to nobody. It is taken out of the address, and so of the
  // history, before anything else is done.
  function tokenOfAddress() {
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given === null) return null;
    history.replaceState(null, "", location.pathname + location.search);
    return given;
  }

  // The bar offers a token that an answer contains, and marks the field if one is missing. A request with the client's
  // secret needs no token.
  function notice(request, answer) {
    for (const field of Object.values(answer.data ?? {})) {
      if (typeof field?.accessToken === "string" && field.accessToken !== token.value) {
        offerToken("Use the token just received", field.accessToken);
      }
    }
    const refused = answer.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED");
    access.classList.toggle("wanted", Boolean(refused) && !JSON.stringify(request).includes("clientSecret"));
  }

  // --- queries and mutations ---------------------------------------------------------------------------------------

  // In the place of the examples' words for the client secret goes the token in the bar, which is that secret at first,
  // and in the place of their words for an event's id one that no event has.
  function filled(request) {
    return JSON.parse(JSON.stringify(request), (key, value) => {
      if (key === "clientSecret" && /\s/.test(value)) return token.value || value;
      return key === "eventId" && value === "a new id for every run" ? `example-${Date.now().toString(36)}` : value;
    });
  }

  function send(request, options, accept, signal) {
    const headers = new Headers(options?.headers);
    headers.set("accept", accept);
    headers.set("content-type", "application/json");
    if (token.value && !headers.has("authorization")) headers.set("authorization", `Bearer ${token.value}`);
    return fetch(location.pathname, { method: "POST", headers, body: JSON.stringify(filled(request)), signal });
  }

  async function ask(request, options) {
    const response = await send(request, options, "application/json");
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      const message = `${response.status} ${response.statusText}, not JSON: ${text.slice(0, 300)}`;
      return { errors: [{ message }] };
    }
  }

  async function answer(request, options) {
    try {
      const found = await ask(request, options);
      notice(request, found);
      return found;
    } catch (error) {
      return unanswered(error.message);
    }
  }

  function unanswered(why) {
    return { errors: [{ message: `No answer: ${why}. Is the server still running?` }] };
  }

  // --- subscriptions -----------------------------------------------------------------------------------------------

  // From the text: GraphiQL's parsed document lags behind it. A query mistaken for a subscription is answered as well.
  function isSubscription({ query, operationName }) {
    const bare = query.replace(/"""[^]*?"""|"(?:\\.|[^"\\])*"|#.*/g, "");
    const operations = [...bare.matchAll(/(?:^|})\s*(query|mutation|subscription)\b\s*(\w*)/g)];
    const [, kind] = operations.find(([, , name]) => name === operationName) ?? operations[0] ?? [];
    return kind === "subscription";
  }

  // Passes every answer to `hear`. Resolves to true if the server completed the stream, to false if it just ended.
  async function listen(request, options, signal, hear) {
    const response = await send(request, options, "text/event-stream", signal);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      hear(await response.json());
      return true;
    }
    let rest = "";
    for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return false;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        if (event.startsWith("event: complete")) return true;
        if (event.startsWith("event: next\ndata: ")) hear(JSON.parse(event.slice("event: next\ndata: ".length)));
      }
    }
  }

  // An Observable, which GraphiQL's button can stop.
  function watch(request, options) {
    const subscribe = (observer) => {
      const leaving = new AbortController();
      const hear = (found) => {
        notice(request, found);
        observer.next(found);
      };
      const end = (why) => {
        if (leaving.signal.aborted) return;
        if (why) observer.next(unanswered(why));
        observer.complete();
      };
      listen(request, options, leaving.signal, hear).then(
        (complete) => end(complete ? "" : "the connection was closed"),
        (error) => end(error.message),
      );
      return { unsubscribe: () => leaving.abort() };
    };
    return { subscribe };
  }

  // --- the page ----------------------------------------------------------------------------------------------------

  if (!window.GraphiQL) {
    place.firstElementChild.textContent = "A file of this page did not load. Reload the page, or see the server's log.";
    return;
  }
  const root = ReactDOM.createRoot(place);

  function render() {
    const properties = {
      // A new function each time makes GraphiQL request the schema again, with the current token.
      fetcher: (request, options) => (isSubscription(request) ? watch : answer)(request, options),
      defaultTabs: examples.length > 0 ? examples : undefined,
      defaultEditorToolsVisibility: "variables",
      inputValueDeprecation: true,
      schemaDescription: true,
      shouldPersistHeaders: false,
      storage,
    };
    root.render(React.createElement(GraphiQL, properties));
  }

  window.__webpack_nonce__ = page.nonce;
  access.addEventListener("submit", (event) => {
    event.preventDefault();
    token.blur();
  });
  token.addEventListener("change", () => useToken(token.value));
  forget.addEventListener("click", () => useToken(""));
  window.addEventListener("hashchange", () => {
    const given = tokenOfAddress();
    if (given !== null) useToken(given);
  });
  openExamples();
  useToken(tokenOfAddress() ?? session.getItem(TOKEN) ?? "");
})();
