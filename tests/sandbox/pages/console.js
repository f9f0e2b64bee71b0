import { getStatus, requestCode, submitCode } from "/console/client.js";

const find = (id) => document.getElementById(id);
const form = find("form");
const OPERATIONS = ["send", "status", "verify"];
const WHAT_TO_DO = {
  "enter code": "shows the field for the code", done: "shows that the number is registered",
  "already verified": "shows that the number needs no code", "request code": "offers to ask for a code",
  wait: "says \"not yet\"", correct: "shows what to correct", "give up": "shows a neutral text",
};
const SENT = { yes: "Sent", no: "Not sent", unknown: "A code may be on its way" };
const REGISTERED = { yes: "Registered", no: "Not registered", unknown: "It may be registered" };
let described = {};
let lastKey = "";

function element(name, content = "", attributes = {}) {
  const made = document.createElement(name);
  made.append(...[content].flat());
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

async function json(url, options) {
  return (await fetch(url, options)).json();
}

function request() {
  const fields = [...new FormData(form)].filter(([, value]) => value !== "");
  return Object.fromEntries(fields);
}

async function showEvent() {
  const event = await json("/console/event", { method: "POST", body: JSON.stringify(request()) });
  find("event").textContent = JSON.stringify(event, null, 2);
}

async function formatNumber() {
  const input = form.phone_number;
  const typed = input.value;
  if (input.selectionStart !== typed.length) return;
  const { formatted, country } = await json(`/console/format?number=${encodeURIComponent(typed)}`);
  if (input.value !== typed) return;
  if (typed.length > (formatNumber.previous ?? "").length) input.value = formatted;
  formatNumber.previous = input.value;
  find("country").textContent = country ? `a number of ${country}` : "with its country code";
}

async function showWhatComesOf(asking) {
  const buttons = find("ask").querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  find("answer").replaceChildren(element("p", "Waiting for the answer…", { class: "empty" }));
  const answer = await asking;
  showAnswer(answer);
  buttons.forEach((button) => { button.disabled = button.id === "again" && !lastKey; });
  if (answer.next === "enter code") find("code").select();
  await refresh();
}

function ask(idempotencyKey) {
  lastKey = idempotencyKey ?? `tap-${Math.random().toString(36).slice(2)}`;
  return showWhatComesOf(requestCode("/", request(), { operations: OPERATIONS, idempotencyKey: lastKey }));
}

async function submit() {
  const { phone_number, cust_space_id } = request();
  const submitted = { phone_number, cust_space_id, code: find("code").value };
  const answer = submitCode("/", submitted, { operations: OPERATIONS });
  await showWhatComesOf(answer);
  if ((await answer).registered === "yes") showStatus(await getStatus("/", submitted));
}

function showStatus({ verificationStatus }) {
  find("status").textContent = verificationStatus ?? "not asked";
  find("status").className = verificationStatus ?? "";
}

function headline({ next, sent, registered, verificationStatus }) {
  if (registered) return [REGISTERED[registered], registered];
  if (sent && next !== "already verified") return [SENT[sent], sent];
  return [verificationStatus ?? "No status", { VERIFIED: "yes", null: "no" }[verificationStatus] ?? "unknown"];
}

function showAnswer(answer) {
  const { next, code, status, retryAfterSeconds, result } = answer;
  if (answer.verificationStatus) showStatus(answer);
  const wait = retryAfterSeconds && next !== "done" ? `, and lets the user ask again in ${Math.ceil(retryAfterSeconds)} s` : "";
  const [headed, colour] = headline(answer);
  const head = element("p", [
    element("b", `${headed} (${code})`), element("br"), `The app ${WHAT_TO_DO[next]}${wait}.`,
  ], { class: `next ${colour}` });
  const rows = Object.entries(result ?? {}).flatMap(([key, value]) => [
    element("dt", key),
    element("dd", [JSON.stringify(value), element("small", described[key]?.description ?? "")]),
  ]);
  find("answer").replaceChildren(head, element("p", `HTTP ${status ?? "none"}`, { class: "empty" }), element("dl", rows));
}

function drawCalls(agesOfEachAction) {
  const counts = [];
  for (let back = 20; back >= 0; back -= 0.1) {
    counts.push(Math.max(...agesOfEachAction.map((ages) => ages.filter((age) => age >= back && age < back + 1).length)));
  }
  const width = find("calls").clientWidth || 1080;
  const step = (width - 30) / counts.length;
  find("calls").setAttribute("viewBox", `0 0 ${width} 150`);
  const height = (count) => 11 * Math.min(count, 12);
  const bars = counts.map((count, i) => `<rect class="bar${count > 10 ? " over" : ""}" x="${(25 + i * step).toFixed(1)}" width="${step.toFixed(1)}" y="${135 - height(count)}" height="${height(count)}"/>`);
  find("calls").innerHTML = `${bars.join("")}<line class="axis" x1="25" x2="${width}" y1="135" y2="135"/>
    <line class="line" x1="25" x2="${width}" y1="25" y2="25"/><text x="5" y="29">10</text>
    <text x="25" y="148">20 s ago</text><text x="${width}" y="148" text-anchor="end">now</text>`;
}

async function refresh() {
  const state = await json("/console/state");
  drawCalls(state.call_ages_seconds);
  find("worst").textContent = state.calls
    ? `${state.calls} calls so far; ${state.worst_second} in the worst second, ${state.throttled} throttled.` : "No call yet.";
  find("slots").replaceChildren(...state.slots.map((slot, i) => element("li", `${i + 1}`, { class: slot, title: slot, "aria-label": `instance ${i + 1}: ${slot}` })));
  if (state.messages.length) {
    find("messages").replaceChildren(...state.messages.map((message) => element("li",
      `to +${message.phone_number} by ${message.method} in ${message.locale}: WhatsApp code ${message.code}`)));
  }
}

function showDocument({ paths }) {
  const rows = Object.entries(paths[find("path").value].post.responses).map(([status, response]) => {
    const examples = Object.entries(response.content?.["application/json"].examples ?? {});
    return element("tr", [element("th", status, { scope: "row" }), element("td", response.description),
      element("td", examples.map(([code]) => code).join(", ")), element("td", examples[0]?.[1].summary ?? "")]);
  });
  const head = ["HTTP", "means", "code", "what the app does"].map((title) => element("th", title, { scope: "col" }));
  find("document").replaceChildren(element("table", [element("tr", head), ...rows]));
}

async function start() {
  const { faults, locales } = await json("/console/choices");
  find("locales").append(...locales.map((locale) => element("option", "", { value: locale })));
  for (const [kind, names] of Object.entries(faults)) {
    const options = names.map((name) => element("option", name, { value: name }));
    find("fault").append(kind ? element("optgroup", options, { label: kind }) : options[0]);
  }
  const document_ = await json("/openapi.json");
  const results = Object.entries(document_.components.schemas).filter(([name]) => name.endsWith("Result"));
  described = Object.assign({}, ...results.map(([, schema]) => schema.properties));
  find("path").append(...Object.keys(document_.paths).map((path) => element("option", path)));
  find("path").addEventListener("change", () => showDocument(document_));
  showDocument(document_);
  await showEvent();
  setInterval(refresh, 250);
}

form.addEventListener("submit", (submitted) => { submitted.preventDefault(); ask(); });
form.addEventListener("input", showEvent);
form.phone_number.addEventListener("input", () => { showStatus({}); return formatNumber(); });
find("code-form").addEventListener("submit", (submitted) => { submitted.preventDefault(); submit(); });
find("ask-status").addEventListener("click", () => showWhatComesOf(getStatus("/", request())));
find("again").addEventListener("click", () => ask(lastKey));
find("fault").addEventListener("change", (changed) => fetch("/console/fault", { method: "POST", body: changed.target.value }));
find("flood").addEventListener("click", () => fetch("/console/flood", { method: "POST" }));
start();
