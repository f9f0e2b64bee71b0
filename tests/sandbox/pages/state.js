// What goes on in the sandbox: the calls, the instances, the messages.
import { element, find, json } from "./dom.js";
import { countSwitches, showFault } from "./faults.js";

/** Asks the sandbox for its state, and shows it. */
export async function refresh() {
  const switches = countSwitches();
  let state;
  try {
    state = await json("/console/state");
  } catch {
    find("gone").hidden = false;
    return;
  }
  find("gone").hidden = true;
  if (switches === countSwitches()) showFault(state.fault);
  drawCalls(state.call_ages_seconds);
  find("worst").textContent = state.calls
    ? `${state.calls} calls so far; ${state.worst_second} in the worst second, ${state.throttled} throttled.` : "No call yet.";
  find("slots").replaceChildren(...state.slots.map((slot, i) => element("li", `${i + 1}`, { class: slot, title: slot, "aria-label": `instance ${i + 1}: ${slot}` })));
  showMessages(state);
}

function showMessages({ messages, flooded }) {
  if (messages.length) {
    find("messages").replaceChildren(...messages.map(({ phone_number, method, locale, code }) => element("li",
      [`to +${phone_number} by ${method} in ${locale}: WhatsApp code `, element("b", `${code.slice(0, 3)}-${code.slice(3)}`)])));
  }
  find("flooded").textContent = flooded ? `And ${flooded} of the flood.` : "";
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
