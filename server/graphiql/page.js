// GraphiQL with what Openings adds to it: the examples as tabs, and one token for all of them.
"use strict";

(() => {
  const page = document.getElementById("page").dataset;
  const examples = JSON.parse(document.getElementById("examples").textContent);
  const access = document.getElementById("access");
  const token = document.getElementById("token");
  const forget = document.getElementById("forget");
  const received = document.getElementById("received");
  const place = document.getElementById("graphiql");

  // --- what is remembered ------------------------------------------------------------------------------------------

  // What the browser lends us; a page that may not store anything forgets when it is left, and works all the same.
  function lent(name) {
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

  const local = lent("localStorage");
  const session = lent("sessionStorage");
  const PREFIX = "openings:";
  const OF_EXAMPLES = "openings:examples:";

  // The tabs belong to the examples that they began as: other examples, other tabs. History, theme and layout stay.
  const OF_TABS = new Set(["graphiql:tabState", "graphiql:query", "graphiql:variables", "graphiql:operationName"]);

  function keyOf(name) {
    return OF_TABS.has(name) ? `${OF_EXAMPLES}${page.examples}:${name}` : PREFIX + name;
  }

  function stored(prefix) {
    return Object.keys(local).filter((key) => key.startsWith(prefix));
  }

  // GraphiQL's history keeps each request's headers, whatever it is told about headers elsewhere.
  function withoutHeaders(value) {
    return JSON.stringify(JSON.parse(value, (key, inner) => (key === "headers" ? undefined : inner)));
  }

  // In a query or in variables, at any depth of quoting. What has spaces in it is a word to the reader.
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

  function turnToExamples() {
    if (storage.getItem("graphiql:tabState") !== null || examples.length === 0) return;
    stored(OF_EXAMPLES).forEach((key) => local.removeItem(key));
    // GraphiQL 4 opens a first tab with its query but without its variables, unless they look like the last visit's.
    storage.setItem("graphiql:query", examples[0].query);
    if (examples[0].variables) storage.setItem("graphiql:variables", examples[0].variables);
  }

  // --- the token: in this browser tab alone, and never where a link or a disk could carry it away ------------------

  const TOKEN = "openings:token";

  function useToken(value) {
    token.value = value.trim().replace(/^bearer\s+/i, "");
    session.setItem(TOKEN, token.value);
    forget.hidden = token.value === "";
    received.hidden = true;
    access.classList.remove("wanted");
    render();
  }

  // An answer may bring a token, and may want one: the bar says so. Who asks with the client's secret needs no token.
  function notice(request, answer) {
    for (const field of Object.values(answer.data ?? {})) {
      if (typeof field?.accessToken === "string" && field.accessToken !== token.value) {
        received.textContent = "Use the token just received";
        received.onclick = () => useToken(field.accessToken);
        received.hidden = false;
      }
    }
    const refused = answer.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED");
    access.classList.toggle("wanted", Boolean(refused) && !JSON.stringify(request).includes("clientSecret"));
  }

  // --- asking ------------------------------------------------------------------------------------------------------

  function send(request, options, accept, signal) {
    const headers = new Headers(options?.headers);
    headers.set("accept", accept);
    headers.set("content-type", "application/json");
    if (token.value && !headers.has("authorization")) headers.set("authorization", `Bearer ${token.value}`);
    return fetch(location.pathname, { method: "POST", headers, body: JSON.stringify(request), signal });
  }

  async function ask(request, options) {
    const response = await send(request, options, "application/json");
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      const message = `${response.status} ${response.statusText}, and no JSON: ${text.slice(0, 300)}`;
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
    return { errors: [{ message: `No answer came: ${why}. Is the server still running?` }] };
  }

  // --- asking once, to be answered again and again -----------------------------------------------------------------

  // From the text: what GraphiQL has parsed lags behind it. A query that is taken for a subscription is answered as well.
  function isSubscription({ query, operationName }) {
    const bare = query.replace(/"""[^]*?"""|"(?:\\.|[^"\\])*"|#.*/g, "");
    const operations = [...bare.matchAll(/(?:^|})\s*(query|mutation|subscription)\b\s*(\w*)/g)];
    const [, kind] = operations.find(([, , name]) => name === operationName) ?? operations[0] ?? [];
    return kind === "subscription";
  }

  // Hands every answer on; comes back with whether the server said that there are no more.
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

  // What GraphiQL takes for a subscription: its button stops it.
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
        (complete) => end(complete ? "" : "the line is gone"),
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
      // A new function each time: that is how GraphiQL learns to ask for the schema again, now with the token.
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
  turnToExamples();
  useToken(session.getItem(TOKEN) ?? "");
})();
