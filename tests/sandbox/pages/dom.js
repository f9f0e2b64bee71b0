export const find = (id) => document.getElementById(id);

export function element(name, content = "", attributes = {}) {
  const made = document.createElement(name);
  made.append(...[content].flat());
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export async function json(url, options) {
  return (await fetch(url, options)).json();
}

/** What openapi.json says, where code stands between backquotes. */
export function described(text = "") {
  return text.split("`").map((part, i) => (i % 2 ? element("code", part) : part));
}
