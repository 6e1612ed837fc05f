// Polls with ETags: nothing is sent or drawn while nothing changes, and nothing is asked while the page is hidden.
const SLOWEST = 60;
const WORDS = {
  401: "Your session has ended. Log in to Airflow in another tab, then this page goes on.",
  403: "You may not see this any more. Ask an administrator of Airflow.",
};
const troubles = new Map();

/** The address with the reader's time zone. */
export function zoned(address) {
  const url = new URL(address, document.baseURI);
  url.searchParams.set("tz", zone());
  return url;
}

function zone() {
  let chosen = null;
  try {
    chosen = JSON.parse(window.localStorage.getItem("timezone") ?? "null");
  } catch {
    chosen = window.localStorage.getItem("timezone");
  }
  return typeof chosen === "string" && chosen && chosen !== "local" ? chosen : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Return the message of an answer that is an error. */
export async function messageOf(response) {
  try {
    return WORDS[response.status] ?? (await response.json()).error.message;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

/** Show that a part of the page is old, or with null that it is not. */
export function trouble(part, text) {
  if (text) troubles.set(part, text);
  else troubles.delete(part);
  const shown = document.getElementById("trouble");
  const words = [...new Set(troubles.values())].join(" ");
  if (shown.textContent !== words) shown.textContent = words;
  shown.hidden = !words;
}

/**
 * Ask for an address again and again.
 *   address: returns the address, which may change
 *   use: called with each new answer
 *   seconds: time between two questions
 * Returns a function that asks at once.
 */
export function poll({ address, use, seconds }) {
  const part = Symbol("part");
  let etag = null, asked = "", timer = 0, failures = 0, turn = 0, waits = false;

  async function ask() {
    window.clearTimeout(timer);
    waits = false;
    const mine = ++turn;
    const url = zoned(address());
    if (url.href !== asked) etag = null;
    asked = url.href;
    try {
      const response = await fetch(url, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store", credentials: "same-origin" });
      if (mine !== turn) return;
      if (response.ok) {
        const found = response.headers.get("ETag");
        await use(response);
        if (mine !== turn) return;
        etag = found;
      } else if (response.status !== 304) {
        throw new Error(await messageOf(response));
      }
      failures = 0;
      trouble(part, null);
    } catch (error) {
      if (mine !== turn) return;
      failures += 1;
      const words = error instanceof TypeError ? "The server does not answer. This page shows what was true before, and asks again." : error.message;
      trouble(part, words);
    }
    if (mine === turn && seconds) timer = window.setTimeout(next, 1000 * Math.min(SLOWEST, seconds * 2 ** Math.min(failures, 5)));
  }

  function next() {
    if (document.hidden) waits = true;
    else ask();
  }

  // who comes back from the tab of Airflow's login need not wait for the next try
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && (waits || failures)) ask();
  });
  next();
  return ask;
}
