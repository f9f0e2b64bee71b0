// Registers a number by way of the function, and says what an app does next. Copy it: it depends
// on nothing. What each answer means stands in client.md beside it.

/** The function's own time-out is 20 s. */
export const TIMEOUT_SECONDS = 25;

/** So long the status, which only spares a code, may hold up the request for one. */
const TIMEOUT_SECONDS_BEFORE_A_CODE = 5;

/** A browser that is offline reaches these all the same. */
const THIS_MACHINE = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** The platform's own answers that mean "the function didn't run"; may it be asked again? */
const NOT_RUN = { 403: false, 404: false, 429: true, 503: true };

/** With these codes a repeated request says nothing of the first, which may have had its effect. */
const SAYS_NOTHING_OF_THE_FIRST = new RegExp(
  "^(Invalid(Event|Request)|OperationNotEnabled|\\w+NotAllowed|CallerUnknown|EventExpired|Misconfigured" +
  "|UnexpectedError|StoreUnavailable|InProgress)$",
);

const FOR_THE_USER_TO_CORRECT = /^(InvalidRequest|InvalidParameter\..*|(Country|DeliveryMethod|LineType)NotAllowed)$/;

/** Refusals that say nothing of the code that was submitted. */
const FOR_THE_OPERATOR_TO_FIX = new RegExp(
  "^(Product\\.|Ram\\.|NoPermission|Forbidden|Authentication\\.|InvalidAccessKeyId|InvalidSecurityToken" +
  "|Signature|IncompleteSignature|InvalidTimeStamp|InvalidApi\\.|Unknown\\.ResourceOwnerId$)",
);

/**
 * @typedef {object} Options
 * @property {string} [token] what the app's own back end issued (JWT)
 * @property {boolean} [hasSharedStore] the service has a STORE_URL: only then a request whose answer
 *   was lost is asked again, under the same key
 * @property {string[]} [operations] what the service's OPERATIONS says; with "status" among them no
 *   code is asked for a number that is verified, and an unknown end of a registration is looked up
 * @property {string} [idempotencyKey] names the tap
 * @property {number} [timeoutSeconds]
 *
 * @typedef {{code: string, retryAfterSeconds: number|null, replayed: boolean, errors: object[],
 *   verificationStatus: "NOT_VERIFIED"|"VERIFIED"|"EXPIRED"|null, status: number|null,
 *   result: object|null}} Answer what each function returns, with `next` and one key of its own;
 *   none of them rejects for what comes of the request
 */

/**
 * Asks for a code: call it once for each tap of the user.
 *
 * @param {string} url the function's address
 * @param {{phone_number: string, method?: string, locale?: string, cust_space_id?: string}} request
 * @param {Options} [options]
 * @returns {Promise<Answer & {next: "enter code"|"already verified"|"correct"|"wait"|"give up",
 *   sent: "yes"|"no"|"unknown"}>}
 */
export async function requestCode(url, request, options = {}) {
  let verificationStatus = null;
  if (knowsStatus(options)) {
    const known = await getStatus(url, request, { ...options, timeoutSeconds: TIMEOUT_SECONDS_BEFORE_A_CODE });
    if (known.next === "already verified") return { ...known, sent: "no" };
    verificationStatus = known.verificationStatus;
  }
  const answer = { ...await askForAnEffect(url, request, "sent", options), verificationStatus };
  if (answer.sent !== "no") answer.next = "enter code";
  if (answer.code === "NoAnswer") answer.retryAfterSeconds = 60;
  return answer;
}

/**
 * Submits the code that arrived, and registers the number: call it once for each tap of the user.
 *
 * @param {string} url the function's address, as for `requestCode`
 * @param {{phone_number: string, code: string, cust_space_id?: string}} request
 * @param {Options} [options]
 * @returns {Promise<Answer & {next: "done"|"enter code"|"correct"|"wait"|"give up",
 *   registered: "yes"|"no"|"unknown"}>}
 */
export async function submitCode(url, request, options = {}) {
  const answer = await askForAnEffect(path(url, "verify"), request, "registered", options);
  if (answer.registered === "yes") answer.next = "done";
  if (answer.registered === "unknown") {
    if (knowsStatus(options)) answer.verificationStatus = (await getStatus(url, request, options)).verificationStatus;
    answer.next = answer.verificationStatus === "VERIFIED" ? "done" : "enter code";
  }
  if (answer.status === 424 && !FOR_THE_OPERATOR_TO_FIX.test(answer.code)) answer.next = "enter code";
  return answer;
}

/**
 * Asks whether the number is verified. It changes nothing, and can be asked again at any time.
 *
 * @param {string} url the function's address, as for `requestCode`
 * @param {{phone_number: string, cust_space_id?: string}} request
 * @param {Options} [options]
 * @returns {Promise<Answer & {next: "already verified"|"request code"|"correct"|"wait"|"give up"}>}
 */
export async function getStatus(url, { phone_number, cust_space_id }, options = {}) {
  const answer = understand(await ask(path(url, "status"), { phone_number, cust_space_id }, null, options));
  if (answer.verificationStatus === "VERIFIED") answer.next = "already verified";
  else if (answer.verificationStatus) answer.next = "request code";
  return answer;
}

function knowsStatus({ operations = [] }) {
  return operations.includes("status");
}

function path(url, name) {
  return `${url.replace(/\/+$/, "")}/${name}`;
}

/** Asks for what mustn't be done twice; `effect` is the result's key that says if it was done. */
async function askForAnEffect(url, request, effect, options) {
  const key = options.idempotencyKey ?? newKey();
  const repeats = options.hasSharedStore ? 2 : 0;
  let reply = await ask(url, request, key, options);
  let wasLost = isLost(reply);
  for (let repeat = 0; repeat < repeats && wasLost; repeat += 1) {
    await sleep(reply.result?.retry_after_seconds ?? 1);
    reply = await ask(url, request, key, options);
    wasLost = !tellsOfTheFirst(reply);
  }
  return { ...understand(reply, wasLost), [effect]: wasLost ? "unknown" : reply.result?.[effect] ?? "no" };
}

async function ask(url, request, key, { token, timeoutSeconds = TIMEOUT_SECONDS }) {
  const headers = { "Content-Type": "application/json" };
  if (key) headers["Idempotency-Key"] = key;
  if (token) headers.Authorization = `Bearer ${token}`;
  const timeout = new AbortController();
  let prepared;
  try { // no URL, or a token that no header can hold
    prepared = new Request(url, { method: "POST", headers, body: JSON.stringify(request), signal: timeout.signal });
  } catch {
    return { status: null, result: null, notAsked: "InvalidCall" };
  }
  if (isOffline(prepared.url)) return { status: null, result: null, notAsked: "Offline" };
  const timer = setTimeout(() => timeout.abort(), timeoutSeconds * 1000);
  try {
    const response = await fetch(prepared);
    const wait = Number(response.headers.get("Retry-After")) || null;
    const content = await response.json().catch(() => null);
    return { status: response.status, wait, result: isTheFunctions(content) ? content : null };
  } catch {
    return { status: null, result: null };
  } finally {
    clearTimeout(timer);
  }
}

/** Only before it is asked: of a failure later nobody knows whether the request had left. */
function isOffline(url) {
  return globalThis.navigator?.onLine === false && !THIS_MACHINE.test(new URL(url).hostname);
}

function isTheFunctions(content) {
  return typeof content?.success === "boolean" && ["sent", "registered", "verification_status"].some((key) => key in content);
}

/** Nobody knows what became of it: no answer came, or the platform's for a process that died. */
function isLost({ status, result, notAsked }) {
  return !result && !notAsked && !(status in NOT_RUN);
}

/** Does the answer to a repeated request say what became of the first? */
function tellsOfTheFirst({ result }) {
  return Boolean(result) && !SAYS_NOTHING_OF_THE_FIRST.test(result.code);
}

/** The answer, and what an app does next where nothing took effect. */
function understand(reply, wasLost = isLost(reply)) {
  const { status, wait, result, notAsked } = reply;
  const base = { replayed: false, errors: [], verificationStatus: null, status, result };
  if (wasLost) return { ...base, next: "wait", code: "NoAnswer", retryAfterSeconds: 5 };
  if (!result) {
    const code = notAsked ?? `Platform${status}`;
    if (code !== "Offline" && !NOT_RUN[status]) return { ...base, next: "give up", code, retryAfterSeconds: null };
    return { ...base, next: "wait", code, retryAfterSeconds: wait ?? 5 };
  }
  const { code, errors, replayed = false, retry_after_seconds: retryAfterSeconds } = result;
  let next = "give up";
  if (result.retryable) next = "wait";
  else if (FOR_THE_USER_TO_CORRECT.test(code)) next = "correct";
  return {
    ...base, next, code, retryAfterSeconds, replayed, errors, verificationStatus: result.verification_status ?? null,
  };
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");
}

function sleep(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
