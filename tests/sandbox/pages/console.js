import { getStatus, requestCode, submitCode } from "/console/client.js";
import { described, element, find, json } from "./dom.js";
import { offerFaults } from "./faults.js";
import { refresh } from "./state.js";
import { showAnswer, showWaiting } from "./verdict.js";

const form = find("form");
const OPERATIONS = ["send", "status", "verify"];
const FIELDS = ["phone_number", "method", "locale", "cust_space_id"];
let keys = {};
let lastKey = "";

function request() {
  const fields = FIELDS.map((name) => [name, form.elements[name].value]);
  return Object.fromEntries(fields.filter(([, value]) => value !== ""));
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
  showWaiting();
  const answer = await asking;
  showAnswer(answer, keys);
  if (answer.verificationStatus) showStatus(answer);
  buttons.forEach((button) => { button.disabled = button.id === "again" && !lastKey; });
  if (answer.next === "enter code") {
    find("code").focus();
    find("code").select();
  }
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

function showDocument({ paths }) {
  const titles = ["HTTP", "means", "code", "the app"];
  const rows = Object.entries(paths[find("path").value].post.responses).flatMap(([status, response]) => {
    const codes = {};  // by what the app does
    for (const [code, { summary }] of Object.entries(response.content?.["application/json"].examples ?? {})) {
      (codes[summary] ??= []).push(code);
    }
    const advice = Object.keys(codes).length ? Object.entries(codes) : [["", []]];
    return advice.map(([toDo, several]) => {
      const cells = [response.description, several.join(", "), toDo];
      return element("tr", [element("th", status, { scope: "row" }), ...cells.map((cell, i) => element("td", described(cell), { "data-title": titles[i + 1] }))]);
    });
  });
  const head = element("tr", titles.map((title) => element("th", title, { scope: "col" })));
  find("document").replaceChildren(element("table", [head, ...rows]));
}

async function start() {
  const choices = await json("/console/choices");
  find("locales").append(...choices.locales.map((locale) => element("option", "", { value: locale })));
  offerFaults(choices);
  const document_ = await json("/openapi.json");
  const results = Object.entries(document_.components.schemas).filter(([name]) => name.endsWith("Result"));
  keys = Object.assign({}, ...results.map(([, schema]) => schema.properties));
  find("path").append(...Object.keys(document_.paths).map((path) => element("option", path)));
  find("path").addEventListener("change", () => showDocument(document_));
  showDocument(document_);
  await showEvent();
  await refresh();
  setInterval(refresh, 250);
}

form.addEventListener("submit", (submitted) => { submitted.preventDefault(); ask(); });
form.addEventListener("input", ({ target }) => { if (FIELDS.includes(target.name)) showEvent(); });
form.phone_number.addEventListener("input", () => { showStatus({}); return formatNumber(); });
find("code-form").addEventListener("submit", (submitted) => { submitted.preventDefault(); submit(); });
find("ask-status").addEventListener("click", () => showWhatComesOf(getStatus("/", request())));
find("again").addEventListener("click", () => ask(lastKey));
find("flood").addEventListener("click", () => fetch("/console/flood", { method: "POST" }));
start();
