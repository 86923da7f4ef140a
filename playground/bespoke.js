// The GraphiQL page of a client's BFF: reads its configuration, starts GraphiQL with its tabs,
// and shows under each answer which upstream calls it took.
//
// configuration: { client, endpoint, tabs: [{ query, variables?, headers? }], token? }
// answers:     extensions.bespoke.calls: [{ service, operationId, keys, ms, status, shared, attempts?, inProcess?, cache?, cause? }]
//
// Everything loaded or asked for has the page's own origin. No build step: React and GraphiQL are globals.
(function () {
  "use strict";

  const { createElement: h, useMemo, useState, useSyncExternalStore } = React;
  /** The page over one subgraph has a configuration of its own. */
  const CONFIG_URL = location.pathname.startsWith("/_subgraphs/")
    ? `${location.pathname}/config.json`
    : "/playground/config.json";
  const CONFIG_TIMEOUT_MS = 10_000;
  /** Rows drawn of one answer's calls; more are counted, not drawn. */
  const MAX_ROWS = 100;

  // ---- Start -------------------------------------------------------------------------------------------

  async function start() {
    const place = document.getElementById("playground");
    try {
      const config = checkedConfig(await fetchConfig());
      document.title = `${config.client} · Bespoke`;
      ReactDOM.createRoot(place).render(h(Playground, { config }));
    } catch (error) {
      const notice = document.createElement("p");
      notice.className = "bespoke-notice";
      notice.setAttribute("role", "alert");
      notice.textContent = `The playground could not start: ${error.message}`;
      place.replaceChildren(notice);
    }
  }

  async function fetchConfig() {
    const answer = await fetch(CONFIG_URL, { signal: AbortSignal.timeout(CONFIG_TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`${CONFIG_URL} answered ${answer.status}`);
    return answer.json();
  }

  /** The configuration with every part there and of the right type. */
  function checkedConfig(raw) {
    const tabs = Array.isArray(raw.tabs) ? raw.tabs.filter((tab) => typeof tab?.query === "string") : [];
    if (tabs.length === 0) tabs.push({ query: "# Ctrl+Space lists what can be asked for, Ctrl+Enter asks.\n\n" });
    return {
      client: String(raw.client ?? "client"),
      endpoint: sameOrigin(String(raw.endpoint ?? "/graphql")),
      token: typeof raw.token === "string" && raw.token !== "" ? raw.token : null,
      tabs: tabs.map((tab) => ({
        query: tab.query,
        variables: editorText(tab.variables),
        headers: editorText(tab.headers),
      })),
    };
  }

  function sameOrigin(endpoint) {
    const url = new URL(endpoint, location.href);
    if (url.origin !== location.origin) throw new Error(`endpoint ${endpoint} has another origin than this page`);
    return url.href;
  }

  /** Variables or headers as the editor shows them: text as it is, an object as indented JSON. */
  function editorText(value) {
    if (value === undefined || value === null) return null;
    return typeof value === "string" ? value : JSON.stringify(value, null, 2);
  }

  // ---- The page ----------------------------------------------------------------------------------------

  function Playground({ config }) {
    const { answers, fetcher, storage, defaultHeaders } = useMemo(() => {
      const storage = preparedStorage(config);
      const answers = new AnswerStore(JSON.parse(storage.getItem("graphiql:tabState")));
      return {
        answers,
        fetcher: watchedFetcher(eventFetcher(config.endpoint, GraphiQL.createFetcher({ url: config.endpoint })), answers),
        storage,
        defaultHeaders: headersText(config.token, null) ?? undefined,
      };
    }, [config]);

    return h(
      GraphiQL,
      {
        fetcher,
        storage,
        defaultHeaders,
        onTabChange: answers.showTab,
        defaultEditorToolsVisibility: true,
        // They end with the browser's tab: see `preparedStorage`.
        shouldPersistHeaders: true,
        showPersistHeadersSettings: false,
      },
      h(GraphiQL.Logo, null, h("span", { className: "bespoke-logo" }, "Bespoke", h("b", null, config.client))),
      h(GraphiQL.Footer, null, h(Calls, { answers })),
    );
  }

  // ---- What the editors start with ---------------------------------------------------------------------

  /**
   * Where GraphiQL keeps its state. Whatever may hold headers, and with them somebody's token, lasts as long as
   * the browser's tab; theme and layout stay. The configured token is kept as a placeholder, so that a reload
   * after the server's restart uses the new one. Filled here with the configured tabs unless those same tabs are
   * there already, since `defaultTabs` of GraphiQL drops the first tab's variables and headers.
   */
  function preparedStorage({ client, tabs, token }) {
    const prefix = `bespoke:${client}:`;
    const TOKEN = "\u27e8configured token\u27e9";
    const SHORT_LIVED = /^graphiql:(tabState|query|variables|headers|operationName|queries|favorites)$/;
    const areaOf = (key) => (SHORT_LIVED.test(key) ? sessionStorage : localStorage);
    const ownKeys = (area) => Object.keys(area).filter((key) => key.startsWith(prefix));
    const storage = {
      getItem: (key) => areaOf(key).getItem(prefix + key)?.replaceAll(TOKEN, token ?? "") ?? null,
      setItem: (key, value) => areaOf(key).setItem(prefix + key, token ? value.replaceAll(token, TOKEN) : value),
      removeItem: (key) => areaOf(key).removeItem(prefix + key),
      get length() {
        return ownKeys(sessionStorage).length + ownKeys(localStorage).length;
      },
      clear() {
        for (const area of [sessionStorage, localStorage]) ownKeys(area).forEach((key) => area.removeItem(key));
      },
    };

    const configured = JSON.stringify(tabs);
    if (sessionStorage.getItem(`${prefix}configured`) !== configured) {
      const first = tabs.map((tab, index) => newTab(tab, index, token));
      storage.setItem("graphiql:tabState", JSON.stringify({ tabs: first, activeTabIndex: 0 }));
      storage.setItem("graphiql:query", first[0].query);
      storage.setItem("graphiql:variables", first[0].variables ?? "");
      storage.setItem("graphiql:headers", first[0].headers ?? "");
      sessionStorage.setItem(`${prefix}configured`, configured);
    }
    return storage;
  }

  /** A tab in the form in which GraphiQL 3 stores it. */
  function newTab(tab, index, token) {
    const operationName = /\b(?:query|mutation|subscription)\s+(\w+)/.exec(tab.query)?.[1] ?? null;
    return {
      id: `configured-${index}`,
      hash: null,
      title: operationName ?? "<untitled>",
      query: tab.query,
      variables: tab.variables,
      headers: headersText(token, tab.headers),
      operationName,
      response: null,
    };
  }

  /** `own` headers (JSON text) with the token's `Authorization` before them, unless they have one. */
  function headersText(token, own) {
    if (!token) return own;
    let headers = {};
    try {
      headers = JSON.parse(own || "{}");
    } catch {
      return own;
    }
    const hasOne = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
    return JSON.stringify(hasOne ? headers : { Authorization: `Bearer ${token}`, ...headers }, null, 2);
  }

  // ---- The last answers and their calls ----------------------------------------------------------------

  /** The calls of each tab's last answer, and which tab is shown. Tabs that were closed are forgotten. */
  class AnswerStore {
    #calls = new Map();
    #listeners = new Set();
    #shownTab;

    constructor(tabState) {
      this.#shownTab = tabState?.tabs?.[tabState.activeTabIndex]?.id;
    }
    get shownTab() {
      return this.#shownTab;
    }
    /** GraphiQL's `onTabChange`, which tells of edits too. */
    showTab = ({ tabs, activeTabIndex }) => {
      const open = new Set(tabs.map((tab) => tab.id));
      [...this.#calls.keys()].filter((id) => !open.has(id)).forEach((id) => this.#calls.delete(id));
      this.#shownTab = tabs[activeTabIndex]?.id;
      this.#tell();
    };
    set(tab, calls) {
      this.#calls.set(tab, calls);
      this.#tell();
    }
    /** Calls of the shown tab's answer; `null` before the first. */
    get = () => this.#calls.get(this.#shownTab) ?? null;
    #tell() {
      this.#listeners.forEach((listener) => listener());
    }
    subscribe = (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    };
  }

  /** Subscriptions come as server-sent events; for everything else, `fetcher`. */
  function eventFetcher(endpoint, fetcher) {
    return (params, options) => {
      const operations = options?.documentAST?.definitions.filter((of) => of.kind === "OperationDefinition") ?? [];
      const operation = operations.find((of) => !params.operationName || of.name?.value === params.operationName);
      return operation?.operation === "subscription" ? events(endpoint, params, options?.headers) : fetcher(params, options);
    };
  }

  /** The data of each `next` event, until `complete`; leaving the loop ends the subscription. */
  async function* events(endpoint, params, headers) {
    const leave = new AbortController();
    try {
      const answer = await fetch(endpoint, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "text/event-stream, application/json;q=0.9", ...headers },
        body: JSON.stringify(params),
        signal: leave.signal,
      });
      if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) {
        yield await answer.json();
        return;
      }
      let text = "";
      for await (const chunk of readText(answer.body)) {
        const blocks = (text + chunk).split("\n\n");
        text = blocks.pop();
        for (const block of blocks) {
          if (block.startsWith("event: complete")) return;
          if (block.startsWith("event: next\ndata: ")) yield JSON.parse(block.slice("event: next\ndata: ".length));
        }
      }
    } finally {
      leave.abort();
    }
  }

  async function* readText(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  }

  /** The same fetcher, telling `answers` what each answer says about its calls. */
  function watchedFetcher(fetcher, answers) {
    return async (params, options) => {
      const tab = answers.shownTab; // The one that asks; another may be shown when the answer comes.
      const note = (answer) => {
        if (params.operationName !== "IntrospectionQuery") answers.set(tab, callsOf(answer));
      };
      const result = await fetcher(params, options);
      if (result && typeof result === "object" && Symbol.asyncIterator in result) return watchedStream(result, note);
      note(result);
      return result;
    };
  }

  /** Parts of a streamed answer pass as they come; each may bring its calls. */
  async function* watchedStream(stream, note) {
    for await (const part of stream) {
      note(Array.isArray(part) ? part.at(-1) : part);
      yield part;
    }
  }

  /** The well-formed entries of `extensions.bespoke.calls`; `null` if the answer has no such list. */
  function callsOf(answer) {
    const calls = answer?.extensions?.bespoke?.calls;
    if (!Array.isArray(calls)) return null;
    return calls
      .filter((call) => call && typeof call === "object")
      .map((call) => ({
        service: String(call.service ?? "?"),
        operation: String(call.operationId ?? "?"),
        keys: Number.isFinite(call.keys) ? Math.max(1, call.keys) : 1,
        ms: Number.isFinite(call.ms) ? Math.max(0, call.ms) : 0,
        status: String(call.status ?? ""),
        isShared: call.shared === true,
        attempts: Number.isInteger(call.attempts) ? Math.max(0, call.attempts) : 1,
        isInProcess: call.inProcess === true,
        cause: typeof call.cause === "string" ? call.cause : undefined,
        isKept: call.cache === "hit" || call.cache === "stale_while_revalidate",
      }));
  }

  // ---- The strip under the answer ----------------------------------------------------------------------

  function Calls({ answers }) {
    const calls = useSyncExternalStore(answers.subscribe, answers.get);
    const [isOpen, setOpen] = useState(true);
    if (calls === null) return h("div", { className: "bespoke-calls", hidden: true });
    return h(
      "section",
      { className: "bespoke-calls", "aria-label": "Upstream calls of this answer" },
      h(
        "button",
        { type: "button", className: "bespoke-summary", "aria-expanded": isOpen, onClick: () => setOpen(!isOpen) },
        h(Summary, { calls }),
      ),
      isOpen && calls.length > 0 && h(CallTable, { calls }),
    );
  }

  /** "3 calls · 41 saved by batching · slowest 6.1 ms". */
  function Summary({ calls }) {
    // What code of the BFF itself answered costs no service anything, nor does what was never sent.
    const upstream = calls.filter((call) => !call.isInProcess && !call.isKept && call.attempts > 0);
    const made = upstream.filter((call) => !call.isShared);
    const saved = upstream.reduce((sum, call) => sum + call.keys, 0) - made.length;
    const kept = calls.filter((call) => call.isKept).reduce((sum, call) => sum + call.keys, 0);
    const slowest = Math.max(0, ...calls.map((call) => call.ms));
    return h(
      React.Fragment,
      null,
      h("b", null, `${made.length} upstream ${made.length === 1 ? "call" : "calls"}`),
      saved > 0 && h("span", { className: "bespoke-saved" }, `${saved} saved by batching and sharing`),
      kept > 0 && h("span", { className: "bespoke-saved" }, `${kept} from the cache`),
      calls.length > 0 && h("span", { className: "bespoke-quiet" }, `slowest ${milliseconds(slowest)}`),
    );
  }

  function CallTable({ calls }) {
    const slowest = Math.max(...calls.map((call) => call.ms), Number.MIN_VALUE);
    const head = ["Service", "Operation", "Keys", "Status", "Time"];
    return h(
      "div",
      { className: "bespoke-scroll" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, ...head.map((name) => h("th", { key: name, scope: "col" }, name)))),
        h("tbody", null, ...calls.slice(0, MAX_ROWS).map((call, index) => h(CallRow, { key: index, call, slowest }))),
      ),
      calls.length > MAX_ROWS && h("p", { className: "bespoke-quiet" }, `and ${calls.length - MAX_ROWS} more`),
    );
  }

  function CallRow({ call, slowest }) {
    const failed = !/^[23]\d\d$/.test(call.status);
    const plain = call.isShared ? `${call.status} shared` : call.status;
    const status = failed ? call.status : call.isKept ? "cached" : call.isInProcess ? "in BFF" : plain;
    return h(
      "tr",
      null,
      h("td", null, call.service),
      h("td", { className: "bespoke-operation" }, call.operation),
      h("td", { className: "bespoke-number" }, call.keys),
      h(
        "td",
        { className: failed ? "bespoke-failed" : "bespoke-quiet", title: call.cause },
        call.attempts > 1 ? `${status}, attempt ${call.attempts}` : status,
      ),
      h(
        "td",
        { className: "bespoke-time" },
        h(
          "div",
          null,
          h(
            "svg",
            { width: "100%", height: 8, "aria-hidden": true },
            h("rect", { width: `${Math.max(1, (100 * call.ms) / slowest)}%`, height: 8, rx: 2 }),
          ),
          h("span", null, milliseconds(call.ms)),
        ),
      ),
    );
  }

  const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

  start();
})();
