// Asks the function for a code, and says what an app does next. Copy it: it depends on nothing.
// What each answer means stands in client.md beside it.

/** The function's own time-out is 20 s. */
export const TIMEOUT_SECONDS = 25;

/** The platform's own answers (those without `sent`) that mean "not sent", and may be asked again. */
const NOT_SENT_BY_THE_PLATFORM = { 403: false, 404: false, 429: true, 503: true };

/** With these codes a repeated request says nothing of the first, which may have sent a code. */
const SAYS_NOTHING_OF_THE_FIRST = new RegExp(
  "^(Invalid(Event|Request)|OperationNotEnabled|\\w+NotAllowed|CallerUnknown|EventExpired|Misconfigured" +
  "|UnexpectedError|StoreUnavailable|InProgress)$",
);

const FOR_THE_USER_TO_CORRECT = /^(InvalidRequest|InvalidParameter\..*|(Country|DeliveryMethod|LineType)NotAllowed)$/;

/**
 * Asks for a code: call it once for each tap of the user.
 *
 * @param {string} url the function's address
 * @param {{phone_number: string, method?: string, locale?: string, cust_space_id?: string}} request
 * @param {object} [options]
 * @param {string} [options.token] what the app's own back end issued (JWT)
 * @param {boolean} [options.hasSharedStore] the service has a STORE_URL: only then a request whose
 *   answer was lost is asked again, under the same key
 * @param {string} [options.idempotencyKey] names the tap
 * @param {number} [options.timeoutSeconds]
 * @returns {Promise<{next: "enter code"|"correct"|"wait"|"give up", sent: "yes"|"no"|"unknown",
 *   code: string, retryAfterSeconds: number|null, replayed: boolean, errors: object[],
 *   status: number|null, result: object|null}>} it never rejects for what comes of the request
 */
export async function requestCode(url, request, options = {}) {
  const key = options.idempotencyKey ?? newKey();
  const repeats = options.hasSharedStore ? 2 : 0;
  let answer = await ask(url, request, key, options);
  let wasLost = isLost(answer);
  for (let repeat = 0; repeat < repeats && wasLost; repeat += 1) {
    await sleep(answer.result?.retry_after_seconds ?? 1);
    answer = await ask(url, request, key, options);
    wasLost = !tellsOfTheFirst(answer);
  }
  return understand(answer, wasLost);
}

async function ask(url, request, key, { token, timeoutSeconds = TIMEOUT_SECONDS }) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  if (token) headers.Authorization = `Bearer ${token}`;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutSeconds * 1000);
  try {
    const response = await fetch(url, {
      method: "POST", headers, body: JSON.stringify(request), signal: timeout.signal,
    });
    const wait = Number(response.headers.get("Retry-After")) || null;
    const content = await response.json().catch(() => null);
    const isOurs = ["yes", "no", "unknown"].includes(content?.sent);
    return { status: response.status, wait, result: isOurs ? content : null };
  } catch {
    return { status: null, wait: null, result: null };
  } finally {
    clearTimeout(timer);
  }
}

/** Nobody knows what became of it: no answer came, or the platform's for a process that died. */
function isLost({ status, result }) {
  return !result && !(status in NOT_SENT_BY_THE_PLATFORM);
}

/** Does the answer to a repeated request say what became of the first? */
function tellsOfTheFirst({ result }) {
  return Boolean(result) && !SAYS_NOTHING_OF_THE_FIRST.test(result.code);
}

function understand({ status, wait, result }, wasLost) {
  const base = { replayed: false, errors: [], status, result };
  if (wasLost) {
    return { ...base, next: "enter code", sent: "unknown", code: "NoAnswer", retryAfterSeconds: 60 };
  }
  if (!result) {
    const retryable = NOT_SENT_BY_THE_PLATFORM[status];
    const next = retryable ? "wait" : "give up";
    return { ...base, next, sent: "no", code: `Platform${status}`, retryAfterSeconds: retryable ? wait ?? 5 : null };
  }
  const { sent, code, retryable, replayed, errors, retry_after_seconds: retryAfterSeconds } = result;
  let next = "give up";
  if (sent !== "no") next = "enter code";
  else if (retryable) next = "wait";
  else if (FOR_THE_USER_TO_CORRECT.test(code)) next = "correct";
  return { ...base, next, sent, code, retryAfterSeconds, replayed, errors };
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");
}

function sleep(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
