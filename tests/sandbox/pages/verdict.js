// What came of a request, on top of the page, and the answer below.
import { described, element, find } from "./dom.js";

const WHAT_TO_DO = {
  "enter code": "shows the field for the code", done: "shows that the number is registered",
  "already verified": "shows that the number needs no code", "request code": "offers to ask for a code",
  wait: "says \"not yet\"", correct: "shows what to correct", "give up": "shows a neutral text",
};
const SENT = { yes: "Sent", no: "Not sent", unknown: "A code may be on its way" };
const REGISTERED = { yes: "Registered", no: "Not registered", unknown: "It may be registered" };

let triesAt = null; // when the user may try again
let asksAgain = "ask again";

/** Says that an answer is waited for. */
export function showWaiting() {
  triesAt = null;
  find("verdict").replaceChildren(element("b", "Waiting for the answer…"));
  countDown();
}

/** Shows what client.js made of an answer; `keys` are the result's, as openapi.json has them. */
export function showAnswer(answer, keys) {
  const { next, code, status, registered, replayed, retryAfterSeconds, result, errors } = answer;
  const [said, colour] = headline(answer);
  const nothing = `The first answer again: nothing was ${registered ? "submitted" : "sent"} now`;
  find("verdict").replaceChildren(
    element("b", replayed ? nothing : `${said} (${code})`, { class: colour }),
    element("span", ` ${replayed ? `It was: ${said} (${code}). ` : ""}The app ${WHAT_TO_DO[next]}.`),
  );
  asksAgain = registered ? "try again" : "ask again";
  triesAt = retryAfterSeconds && next !== "done" ? Date.now() + retryAfterSeconds * 1000 : null;
  countDown();
  find("answer").replaceChildren(
    element("p", `${status ? `HTTP ${status}` : "No answer came"}. ${result?.message ?? ""}`),
    ...errors.map((error) => element("p", `${error.field}: ${error.message}`)),
    ...(result ? folded(result, keys) : []),
  );
}

function headline({ next, sent, registered, verificationStatus }) {
  if (registered) return [REGISTERED[registered], registered];
  if (sent && next !== "already verified") return [SENT[sent], sent];
  return [verificationStatus ?? "No status", { VERIFIED: "yes", null: "no" }[verificationStatus] ?? "unknown"];
}

function folded(result, keys) {
  const rows = Object.entries(result).flatMap(([key, value]) => [
    element("dt", key),
    element("dd", [JSON.stringify(value), element("small", described(keys[key]?.description))]),
  ]);
  const text = element("pre", JSON.stringify(result, null, 2), { tabindex: "0", "aria-label": "The answer as JSON" });
  return [
    element("details", [element("summary", "The answer as JSON"), text]),
    element("details", [element("summary", "Each key explained"), element("dl", rows)]),
  ];
}

function countDown() {
  const seconds = Math.ceil((triesAt - Date.now()) / 1000);
  const when = seconds > 0 ? `in ${inWords(seconds)}` : "now";
  find("countdown").textContent = triesAt ? `The user may ${asksAgain} ${when}.` : "";
}

function inWords(seconds) {
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

setInterval(countDown, 200);
