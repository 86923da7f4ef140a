"use strict";
// The plain form: shown when GraphiQL's files are not installed.
const part = (id) => document.getElementById(id);
const json = (text) => (text.trim() === "" ? undefined : JSON.parse(text));

let endpoint = "/graphql";
// The page over one subgraph has a configuration of its own.
const isSubgraph = location.pathname.startsWith("/_subgraphs/");

fetch(isSubgraph ? `${location.pathname}/config.json` : "/playground/config.json")
  .then((answer) => answer.json())
  .then((config) => {
    part("title").textContent = document.title = config.client;
    endpoint = config.endpoint;
    const tab = config.tabs[0] ?? {};
    if (tab.query) part("query").value = tab.query;
    part("variables").value = tab.variables ?? "";
    const token = config.token ? JSON.stringify({ authorization: `Bearer ${config.token}` }) : "";
    part("headers").value = tab.headers ?? token;
  })
  .catch(() => {});

part("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const answer = await fetch(endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json",
        ...json(part("headers").value),
      },
      body: JSON.stringify({ query: part("query").value, variables: json(part("variables").value) }),
    });
    const text = await answer.text();
    part("answer").textContent = `${answer.status}\n${JSON.stringify(JSON.parse(text), null, 2)}`;
  } catch (error) {
    part("answer").textContent = String(error);
  }
});
