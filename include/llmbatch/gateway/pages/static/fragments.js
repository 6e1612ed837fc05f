// Elements with data-poll: their content is a fragment of the server.
import { poll } from "./poll.js";

const askers = new Map();

export function startFragments() {
  for (const element of document.querySelectorAll("[data-poll]")) {
    const box = element.dataset.when === "open" ? element.closest("details") : null;
    if (box && !box.open) box.addEventListener("toggle", () => start(element), { once: true });
    else start(element);
  }
}

function start(element) {
  const ask = poll({
    address: () => element.dataset.poll,
    seconds: Number(element.dataset.every ?? 0),
    use: async (response) => replace(element, await response.text()),
  });
  askers.set(element, ask);
}

/** Ask for the fragments of these elements now; without them, for all. */
export function refresh(...elements) {
  for (const [element, ask] of askers) if (!elements.length || elements.includes(element)) ask();
}

/** Replace the content; what has the focus keeps it, what is open stays open, what is scrolled stays there. */
function replace(element, html) {
  const active = element.contains(document.activeElement) ? document.activeElement.id : "";
  const open = new Map([...element.querySelectorAll("details[id]")].map((each) => [each.id, each.open]));
  const scrolled = [...element.querySelectorAll("[id]")].filter((each) => each.scrollLeft || each.scrollTop).map((each) => [each.id, each.scrollLeft, each.scrollTop]);
  element.innerHTML = html; // escaped by the server; the policy of the page runs no script of it
  element.removeAttribute("aria-busy");
  for (const [id, was] of open) {
    const found = document.getElementById(id);
    if (found) found.open = was;
  }
  element.dispatchEvent(new CustomEvent("replaced", { bubbles: true })); // figures take their places
  for (const [id, left, top] of scrolled) document.getElementById(id)?.scrollTo(left, top);
  if (active) document.getElementById(active)?.focus({ preventScroll: true });
}
