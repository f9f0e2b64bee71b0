// What the API does: five faults by name, and more in a list.
import { element, find } from "./dom.js";

let shown = null;
let switched = Promise.resolve();
let switches = 0;

/** How often the page began or ended to switch: what the sandbox said before is out of date. */
export const countSwitches = () => switches;

/** Makes the choices. */
export function offerFaults({ named, more }) {
  const choices = Object.entries({ ...named, "more…": "more" });
  find("faults").append(...choices.map(([label, fault]) => element("label", [
    element("input", "", { type: "radio", name: "fault", value: fault }), label,
  ])));
  for (const [kind, names] of Object.entries(more)) {
    find("fault").append(element("optgroup", names.map((name) => element("option", name, { value: name })), { label: kind }));
  }
  find("faults").addEventListener("change", ({ target }) => {
    find("more").hidden = target.value !== "more";
    find("fault").value = "";
    switchOn(target.value === "more" ? "" : target.value);
  });
  find("fault").addEventListener("change", ({ target }) => switchOn(target.value));
}

/** Shows the fault that is on in the sandbox, which another page may have switched. */
export function showFault(fault) {
  if (fault === shown) return;
  shown = fault;
  const radios = [...find("faults").querySelectorAll("input")];
  const chosen = radios.find((radio) => radio.value === fault) ?? radios.at(-1);
  chosen.checked = true;
  find("more").hidden = chosen.value !== "more";
  if (chosen.value === "more") find("fault").value = fault;
}

function switchOn(fault) {
  shown = fault;
  switches += 1;
  switched = switched
    .then(() => fetch("/console/fault", { method: "POST", body: fault }))
    .catch(() => {}) // the page says by itself that the sandbox is gone
    .finally(() => { switches += 1; });
}
