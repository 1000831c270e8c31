// The page of go run ./cmd/local. What the endpoints take and give is said in
// api.go. Whatever comes from outside reaches the document as text only.

const $ = (id) => document.getElementById(id);

// el makes an element: attributes, "on…" listeners, then children, of which
// strings become text.
function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (value === true) e.setAttribute(name, "");
    else if (value !== false && value != null) e.setAttribute(name, value);
  }
  e.append(...children.filter((c) => c != null && c !== ""));
  return e;
}

const cell = (name, ...children) => el("td", { class: name, role: "cell" }, ...children);
const plural = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

let state = null; // the last one the server sent

// show puts a state on the page. What did not change is not touched, so that
// neither focus nor what is being typed is lost.
function show(next) {
  const before = state;
  state = next;
  for (const list of ["routes", "groups", "scopes", "people"]) state[list] ??= [];
  const changed = (...keys) => !before || keys.some((k) => JSON.stringify(before[k]) !== JSON.stringify(state[k]));
  $("about").textContent = [state.manifest, state.stage ? "stage " + state.stage : "no stage", "version " + state.version].join(" · ");
  $("checks").textContent = state.checks + ". " + state.cors + ".";
  $("problem").hidden = !state.problem;
  if (changed("problem")) $("problem-text").textContent = state.problem;
  document.title = (state.problem ? "⚠ " : "") + "Routegate" + (state.stage && " " + state.stage);
  if (changed("people", "groups", "scopes", "builtIn")) showCallers();
  if (changed("routes", "manifest")) showRoutes();
  preview();
  decide();
}

// The caller.

const isPerson = (choice) => choice.startsWith("person ");
const ticked = (set) => [...$(set).querySelectorAll("input:checked")].map((i) => i.value);

function showCallers() {
  const choice = $("who").value;
  const option = (value, text) => el("option", { value }, text);
  $("who").replaceChildren(
    option("none", "no token"),
    option("any", "any valid token"),
    ...(state.people.length
      ? [el("optgroup", { label: "People" }, ...state.people.map((p) => option("person " + p.name, p.about ? `${p.name}: ${p.about}` : p.name)))]
      : []),
    option("hand", "groups and scopes ticked by hand"),
    option("iam", "IAM: AWS credentials"));
  for (const set of ["groups", "scopes"]) {
    const held = new Set(ticked(set));
    const box = (name) => el("label", {}, el("input", { type: "checkbox", value: name, checked: held.has(name), onchange: tickedByHand }), name);
    $(set).replaceChildren($(set).firstElementChild, ...state[set].map(box));
    if (!state[set].length) $(set).append(el("small", {}, `The manifest names no ${set}.`));
  }
  $("pasted").hidden = state.builtIn;
  const known = [...$("who").options].some((o) => o.value === choice);
  $("who").value = known ? choice : state.people.length ? "person " + state.people[0].name : "any";
  if (!known || isPerson(choice)) tickChoice();
}

// tickChoice ticks what the chosen caller has. By hand, that is what is ticked.
function tickChoice() {
  const choice = $("who").value;
  if (choice === "hand") return;
  const person = state.people.find((p) => "person " + p.name === choice);
  for (const set of ["groups", "scopes"]) {
    for (const box of $(set).querySelectorAll("input")) box.checked = Boolean(person?.[set]?.includes(box.value));
  }
}

function tickedByHand() {
  $("who").value = "hand";
  callerChanged();
}

function callerChanged() {
  preview();
  decide();
}

function caller() {
  const auth = { none: "", iam: "iam" }[$("who").value] ?? "jwt";
  return { auth, groups: auth === "jwt" ? ticked("groups") : [], scopes: auth === "jwt" ? ticked("scopes") : [] };
}

// token returns a token of the chosen caller, "" for none.
async function token() {
  const choice = $("who").value;
  if (choice === "none") return "";
  if (choice === "iam") throw new Error("a request signed with AWS credentials cannot be tried here: nothing on this machine signs it");
  if (!state.builtIn) {
    const pasted = $("token").value.replace(/^\s*bearer\s/i, "").replace(/\s+/g, "");
    if (!pasted) throw new Error("paste a token first: those of " + state.issuer + " cannot be made here");
    return pasted;
  }
  const name = choice.slice("person ".length);
  const form = isPerson(choice)
    ? { grant_type: "password", username: name, password: name }
    : { grant_type: "client_credentials", client_id: "page", client_secret: "page", groups: ticked("groups").join(" "), scope: ticked("scopes").join(" ") };
  const answer = await fetch("issuer/token", { method: "POST", body: new URLSearchParams(form) });
  const said = await answer.json().catch(() => ({}));
  if (!said.access_token) throw new Error("no token: " + (said.error_description ?? answer.status));
  return said.access_token;
}

// The routes.

const rows = new Map(); // by the route's key

function showRoutes() {
  const focused = document.activeElement?.closest?.("#rows tr")?.dataset.key;
  rows.clear();
  for (const route of state.routes) {
    const row = { route, verdict: el("span", { class: "mark" }), why: el("small", {}) };
    row.tr = el("tr", { role: "row", "data-key": route.key },
      cell("verdict", row.verdict, el("small", { class: "line mono" }, state.manifest, el("b", {}, ":" + route.line))),
      cell("route", el("span", { class: "mono" }, el("b", {}, route.method), " " + route.path),
        el("small", {}, route.handler + (route.summary && route.summary !== route.handler ? ": " + route.summary : ""))),
      cell("who", route.who, row.why),
      cell("act", el("button", { type: "button", "aria-label": "Try " + route.key, onclick: () => tryRoute(route) }, "Try")));
    rows.set(route.key, row);
  }
  $("rows").replaceChildren(...[...rows.values()].map((r) => r.tr));
  if (focused) rows.get(focused)?.tr.querySelector("button").focus();
  $("paths").replaceChildren(...[...new Set(state.routes.map((r) => r.path))].map((value) => el("option", { value })));
  filter();
}

let asked = 0; // decisions asked for; the answer to an older question is not shown

async function decide() {
  const question = ++asked;
  try {
    const answer = await fetch("decide", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(caller()) });
    if (!answer.ok) throw new Error(await answer.text());
    const list = await answer.json();
    if (question !== asked) return;
    for (const d of list ?? []) {
      const row = rows.get(d.key);
      if (row) showVerdict(row, d);
    }
    filter();
  } catch (e) {
    if (question === asked) $("count").textContent = "It is not known who may call what: " + e.message;
  }
}

function showVerdict(row, decided) {
  row.decided = decided;
  row.verdict.className = "mark " + (decided.allowed ? "good" : "bad");
  row.verdict.textContent = decided.allowed ? "✓ allowed" : "✗ refused";
  const steps = (decided.steps ?? []).filter((s) => s.check !== "route" && s.asked !== false);
  row.why.textContent = steps.filter((s) => decided.allowed || !s.passed).map((s) => s.text).join("; ") || decided.reason;
  row.why.className = decided.allowed ? "" : "bad";
}

// filter hides the routes that lack one of the words, and says what is left.
function filter() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0, allowed = 0;
  for (const { tr, route, decided } of rows.values()) {
    const text = [route.key, route.handler, route.summary, route.who, "line " + route.line,
      decided && (decided.allowed ? "allowed" : "refused " + decided.reason)].join(" ").toLowerCase();
    tr.hidden = !words.every((w) => text.includes(w));
    if (!tr.hidden) shown++;
    if (decided?.allowed) allowed++;
  }
  $("none").hidden = shown > 0 || !words.length;
  $("count").textContent = `${allowed} of ${plural(rows.size, "route")} allowed` + (words.length ? `, ${shown} shown` : "");
}

// Trying a request.

const values = new Map(); // of path variables, by name, kept from route to route
const variables = /\{([^{}+]+)(\+?)\}/g;
const hasBody = () => !["GET", "HEAD"].includes($("method").value); // a browser sends none with these

function tryRoute(route) {
  if (route.method !== "ANY") $("method").value = route.method;
  $("path").value = route.path;
  preview();
  $("try").scrollIntoView({ block: "nearest" });
  ($("variables").querySelector("input") ?? $("send")).focus();
}

// target is the URL of the request. The origin comes first, as text, so that no
// path can lead a token to another one.
function target() {
  const fill = (_, name, greedy) => {
    const value = values.get(name) ?? "";
    return greedy ? value.split("/").map(encodeURIComponent).join("/") : encodeURIComponent(value);
  };
  const path = $("path").value.trim().replace(/^\/?/, "/").replace(variables, fill).replaceAll("#", "%23");
  const query = $("query").value.trim().replace(/^\?/, "").replaceAll("#", "%23");
  return new URL(location.origin + (state?.stage ?? "") + path + (query && (path.includes("?") ? "&" : "?") + query));
}

// preview shows the fields that the request has, and what would be sent.
function preview() {
  const names = [...new Set([...$("path").value.matchAll(variables)].map((m) => m[1]))];
  if (JSON.stringify(names) !== $("variables").dataset.names) {
    $("variables").dataset.names = JSON.stringify(names);
    $("variables").replaceChildren(...names.map((name, i) => el("div", {},
      el("label", { for: "variable-" + i }, name),
      el("input", {
        id: "variable-" + i, name, required: true, value: values.get(name), autocomplete: "off", spellcheck: "false",
        oninput: (e) => values.set(name, e.target.value), // preview follows: the event goes on to the form
      }))));
  }
  $("body-field").hidden = !hasBody();
  const url = target();
  $("preview").textContent = $("method").value + " " + url.pathname + url.search;
  $("caller-note").textContent = {
    none: "Sent without a token.",
    iam: "Cannot be tried: nothing on this machine signs requests with AWS credentials. The list says who would be allowed.",
  }[$("who").value] ?? (state?.builtIn ? "Sent with a new token of the caller" : "Sent with the pasted token") + ", unless the headers have an authorization. Cookies are neither sent nor kept.";
  $("curl").textContent = curl(url);
}

function curl(url) {
  const quote = (s) => "'" + s.replaceAll("'", "'\\''") + "'";
  const lines = ["curl -i -X " + $("method").value];
  if ($("method").value === "HEAD") lines[0] = "curl -I";
  const choice = $("who").value;
  if (choice !== "none" && choice !== "iam" && !/^\s*authorization\s*:/im.test($("headers").value)) {
    let command = "$TOKEN";
    if (state?.builtIn) {
      command = "$(go run ./cmd/local token -addr " + location.host;
      command += isPerson(choice) ? " -as " + quote(choice.slice("person ".length)) : ` -groups ${quote(ticked("groups").join(","))} -scopes ${quote(ticked("scopes").join(","))}`;
      command += ")";
    }
    lines.push(`-H "Authorization: Bearer ${command}"`);
  }
  for (const line of $("headers").value.split("\n")) if (line.trim()) lines.push("-H " + quote(line.trim()));
  if (hasBody() && $("body").value) {
    if (!/^\s*content-type\s*:/im.test($("headers").value)) lines.push("-H " + quote("Content-Type: " + bodyType()));
    lines.push("--data-raw " + quote($("body").value));
  }
  return [...lines, quote(url.href)].join(" \\\n  ");
}

const bodyType = () => pretty($("body").value) === null ? "text/plain;charset=UTF-8" : "application/json";

function typedHeaders() {
  const headers = new Headers();
  for (const line of $("headers").value.split("\n")) {
    if (!line.trim()) continue;
    const at = line.indexOf(":");
    if (at < 1) throw new Error(`the header "${line}" has no colon after its name`);
    headers.append(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return headers;
}

async function send() {
  if ($("send").hasAttribute("aria-busy")) return;
  $("send").setAttribute("aria-busy", "true");
  say("…", "Sending…");
  try {
    const headers = typedHeaders();
    if (!headers.has("authorization")) {
      const bearer = await token();
      if (bearer) headers.set("Authorization", "Bearer " + bearer);
    }
    const body = hasBody() && $("body").value ? $("body").value : undefined;
    if (body && !headers.has("content-type")) headers.set("Content-Type", bodyType());
    const url = target();
    // Not from the browser's cache, and neither with its cookies nor its own
    // dialog for a password: what is tried is what the form says.
    const request = new Request(url, { method: $("method").value, headers, body, credentials: "omit", redirect: "manual", cache: "no-store" });
    const dropped = [...headers.keys()].filter((name) => !request.headers.has(name));
    const seen = new Set(log.keys());
    const start = performance.now();
    const answer = await fetch(request);
    const content = new Uint8Array(await answer.arrayBuffer());
    const millis = performance.now() - start;
    // A browser hides a redirect from pages. Then the request is the one that
    // newly appears in the log.
    const hidden = answer.type === "opaqueredirect";
    const known = answer.headers.get("apigw-requestid");
    const id = await logged((q) => hidden ? !seen.has(q.id) && q.method === request.method && q.status >= 300 && q.status < 400 : q.id === known);
    const detail = id && (await find(id));
    const said = hidden ? gave(detail) : { headers: [...answer.headers], body: text(content, answer.headers.get("content-type")) };
    const status = hidden ? (detail?.status ?? "a redirect, which the browser hides") : `${answer.status} ${answer.statusText}`.trim();
    showAnswer(status, `${request.method} ${url.pathname}${url.search}, ${Math.round(millis)} ms`, said, detail,
      dropped.length ? `Not sent, as a browser lets no page set it: ${dropped.join(", ")}.` : "");
    mark(id);
  } catch (e) {
    say("bad", "✗ Not sent: " + e.message);
    $("answer-parts").hidden = true;
  } finally {
    $("send").removeAttribute("aria-busy");
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// logged waits for a request to appear in the log, which it does a moment after
// its answer, and gives up when it should have.
async function logged(test) {
  for (let i = 0; i < 80; i++) {
    for (const q of log.values()) if (test(q)) return q.id;
    await pause(25);
  }
  return null;
}

async function find(id) {
  const answer = await fetch("requests/" + encodeURIComponent(id));
  return answer.ok ? answer.json() : null;
}

// Answers.

// pretty indents JSON objects and arrays, and returns null for all else. It moves
// white space only: parsed and written again, 1.0 and large numbers would differ.
function pretty(s) {
  try {
    if (!/^\s*[[{]/.test(s) || JSON.parse(s) === null) return null;
  } catch {
    return null;
  }
  let out = "", depth = 0, last = "";
  const line = () => "\n" + "  ".repeat(depth);
  for (const [t] of s.matchAll(/"(?:\\.|[^"\\])*"|[^\s"]/g)) {
    if (t === "}" || t === "]") {
      depth--;
      if (last !== "{" && last !== "[") out += line();
    } else if (last === "{" || last === "[" || last === ",") {
      out += line();
    }
    out += t === ":" ? ": " : t;
    if (t === "{" || t === "[") depth++;
    last = t;
  }
  return out;
}

const shownCharacters = 300_000; // more makes the page slow

function readable(s) {
  if (s.length <= shownCharacters) return pretty(s) ?? s;
  return s.slice(0, shownCharacters) + `\n… and ${s.length - shownCharacters} characters more`;
}

function text(bytes, type) {
  try {
    return readable(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return `${plural(bytes.length, "byte")} of ${type ?? "something"}, not text`;
  }
}

// gave reads headers and body out of what the function gave, for a request whose
// answer this page did not get itself.
function gave(detail) {
  const a = detail?.answer;
  if (a === null || typeof a !== "object" || !("statusCode" in a)) return null;
  const headers = [...Object.entries(a.headers ?? {}), ...Object.entries(a.multiValueHeaders ?? {}).flatMap(([name, all]) => (all ?? []).map((v) => [name, v])),
    ...(a.cookies ?? []).map((c) => ["set-cookie", c])];
  const body = String(a.body ?? "");
  try {
    return { headers, body: a.isBase64Encoded ? text(Uint8Array.from(atob(body), (c) => c.charCodeAt(0))) : readable(body) };
  } catch {
    return { headers, body };
  }
}

function say(kind, line) {
  $("answer-line").className = kind;
  $("answer-line").textContent = line;
  $("answer-line").scrollIntoView({ block: "nearest" });
}

function showAnswer(status, what, said, detail, note) {
  const good = parseInt(status) < 400;
  say(good ? "good" : "bad", `${good ? "✓" : "✗"} ${status}: ${what}`);
  const about = detail
    ? [detail.route ? `${detail.route}, ${state.manifest}:${detail.line}.` : "No route matched.",
      detail.by && `Answered by the ${detail.by}.`, detail.reason && `Refused: ${detail.reason}.`, ...(detail.warnings ?? []).map((w) => `⚠ ${w}.`)]
    : ["What happened inside is not known: the request is not among those kept here."];
  $("answer-note").textContent = [...about, note].filter(Boolean).join(" ");
  const steps = detail?.steps ?? [];
  $("steps").replaceChildren(...(steps.length
    ? steps.map((s) => el("li", {}, el("span", { class: s.passed ? "good" : "bad" }, `${s.passed ? "✓ passed" : "✗ failed"}: ${s.check}`), s.text))
    : [el("li", {}, detail ? "The function was not asked: the gateway answered itself." : "not known")]));
  $("answer-body").textContent = said?.body ?? "";
  fill("answer-headers", said && said.headers.map(([name, value]) => `${name}: ${value}`).join("\n"));
  fill("event", detail?.event && readable(JSON.stringify(detail.event)));
  fill("gave", detail?.answer && readable(JSON.stringify(detail.answer)));
  $("answer-parts").hidden = false;
}

function fill(id, content) {
  $(id).hidden = content == null;
  $(id).querySelector("pre").textContent = content ?? "";
}

// The requests, live.

const log = new Map(); // by id, the oldest first
const kept = 200;

function addRequest(q) {
  if (log.has(q.id)) return;
  const good = q.status < 400;
  const remarks = [q.reason, ...(q.warnings ?? []).map((w) => "⚠ " + w)].filter(Boolean).join("; ");
  const tr = el("tr", { role: "row" },
    cell("status", el("span", { class: "mark " + (good ? "good" : "bad") }, `${good ? "✓" : "✗"} ${q.status}`)),
    cell("request", el("button", { type: "button", onclick: () => inspect(q) }, `${q.method} ${q.path}`), remarks && el("small", {}, remarks)),
    cell("millis", q.millis < 10 ? q.millis.toFixed(1) : String(Math.round(q.millis))),
    cell("time", new Date(q.time).toLocaleTimeString([], { hour12: false })));
  log.set(q.id, Object.assign(q, { tr }));
  $("log").prepend(tr);
  if (log.size > kept) forget(log.keys().next().value);
  countRequests();
}

function forget(id) {
  log.get(id).tr.remove();
  log.delete(id);
}

function countRequests() {
  $("requests-count").textContent = log.size ? `${log.size === kept ? "the last " : ""}${log.size}, newest first` : "none yet";
}

function mark(id) {
  for (const q of log.values()) q.tr.toggleAttribute("aria-current", false);
  log.get(id)?.tr.setAttribute("aria-current", "true");
}

async function inspect(q) {
  mark(q.id);
  const detail = await find(q.id).catch(() => null);
  showAnswer(String(q.status), `${q.method} ${q.path}`, gave(detail), detail, detail?.answer == null ? "The gateway's own body is not kept." : "");
  $("answer").focus({ preventScroll: true });
}

// connect follows the server. The kept requests come first, then the state:
// what was not among them by then, a server that was started anew never had.
function connect() {
  const events = new EventSource("requests");
  let fresh = new Set();
  let caughtUp = false;
  events.addEventListener("open", () => {
    fresh = new Set();
    caughtUp = false;
    $("connection").textContent = "● live";
  });
  events.addEventListener("request", (e) => {
    const q = JSON.parse(e.data);
    fresh.add(q.id);
    addRequest(q);
  });
  events.addEventListener("state", (e) => {
    if (!caughtUp) for (const id of [...log.keys()]) if (!fresh.has(id)) forget(id);
    caughtUp = true;
    fresh.clear();
    countRequests();
    show(JSON.parse(e.data));
  });
  events.addEventListener("error", () => {
    $("connection").textContent = "○ not connected, trying again…";
    // A browser tries again by itself, unless the answer was none of a stream.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 1000);
  });
}

$("who").addEventListener("change", () => {
  tickChoice();
  callerChanged();
});
$("filter").addEventListener("input", filter);
$("form").addEventListener("input", preview);
$("form").addEventListener("submit", (e) => {
  e.preventDefault();
  send();
});
connect();
