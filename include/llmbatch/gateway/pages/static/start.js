// The page that starts a job: first rows while the form is filled in, a check on demand, a verdict for each deadline.
import { messageOf, trouble, zoned } from "./poll.js";
import { Problem, clearProblems, requestOf, showProblem, startSlider } from "./start_form.js";
import { upload } from "./start_upload.js";

const PAUSE = 600, AGAIN = 2000;
const BESIDE = ["sla_hours", "priority", "output_uri"]; // they change no number of a check but the verdict
const UNKNOWN = "The server does not answer. Press the button again: one form starts one job.";
const DECIDED = { accepted: ". It is accepted.", at_risk: ". It is accepted, and its deadline is at risk.", infeasible: ". It is accepted, and its predicted end is after its deadline." };
const at = (id) => document.getElementById(`start-${id}`);
const form = document.getElementById("start"), found = at("found"), verdict = at("verdict");
let checked = null, keyed = {}, rowsTimer = 0, verdictTimer = 0, looking = null, weighing = null, sending = null;

startSlider(form, at("slider"));
form.addEventListener("input", (event) => {
  if (event.target.id === "start-upload") return;
  clearProblems(form, event.target);
  markOld();
  if (event.target.name === "sla_hours" || event.target.name === "priority") later(askVerdict);
  else if (event.target.name !== "input_uri" && event.target.name !== "output_uri") soon(askRows);
});
form.elements.input_uri.addEventListener("change", () => soon(askRows, 0));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
at("check").addEventListener("click", check);
at("upload").addEventListener("change", send);
at("upload-stop").addEventListener("click", () => sending?.abort());
// what a person, or the browser over a reload, gave before this script ran
if (at("upload").files.length) send();
else if (form.elements.input_uri.value) soon(askRows, 0);

function soon(act, pause = PAUSE) {
  window.clearTimeout(rowsTimer);
  rowsTimer = window.setTimeout(act, pause);
}

function later(act) {
  window.clearTimeout(verdictTimer);
  verdictTimer = window.setTimeout(act, PAUSE / 4);
}

/** Return the request, or null with the error shown at its field. */
function read() {
  clearProblems(form);
  try {
    return requestOf(form);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showProblem(form, error.field, error.message, { focus: true });
    return null;
  }
}

function post(address, body, headers = {}, signal = undefined) {
  return fetch(address, { method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body), signal });
}

/** Return message and field of an answer that is an error. */
async function errorOf(response) {
  const message = await messageOf(response.clone());
  return { message, field: await response.json().then((body) => body.error.param, () => null) };
}

/** Show the error of an answer at its field, and go there. */
async function refused(response) {
  const { message, field } = await errorOf(response);
  showProblem(form, field, message, { focus: true });
}

function fill(element, html, said) {
  element.innerHTML = html; // escaped by the server; the policy of the page runs no script of it
  said.textContent = element.querySelector("[data-said]")?.dataset.said ?? "";
}

function empty(element, words) {
  const place = document.createElement("p");
  place.className = "empty";
  place.textContent = words;
  element.replaceChildren(place);
}

async function askRows() {
  looking?.abort();
  const mine = (looking = new AbortController());
  const rows = at("rows");
  let request;
  try {
    request = requestOf(form);
  } catch {
    return; // shown when a button is pressed
  }
  if (!request.input_uri && !request.retry_failed_of) return empty(rows, "Give an input to see its first rows.");
  rows.setAttribute("aria-busy", "true");
  try {
    const response = await post(zoned(form.dataset.rows), request, {}, mine.signal);
    if (response.ok) {
      const html = await response.text();
      if (mine === looking) {
        clearProblems(form);
        fill(rows, html, at("rows-said"));
      }
    } else if (mine === looking) {
      const { message, field } = await errorOf(response);
      if (mine !== looking) return;
      clearProblems(form);
      if (field) showProblem(form, field, message);
      empty(rows, field ? "The first rows cannot be shown: see the error in the form." : message);
      at("rows-said").textContent = "The first rows cannot be shown.";
    }
  } catch {
    if (!mine.signal.aborted) empty(rows, "The server does not answer. Change a field to look again.");
  }
  if (mine === looking) rows.removeAttribute("aria-busy");
}

/** The fields on which the numbers of a check depend, as a text. */
function mattering(request) {
  return JSON.stringify(Object.fromEntries(Object.entries(request).filter(([name]) => !BESIDE.includes(name)).sort()));
}

function isOld() {
  try {
    return !checked || mattering(requestOf(form)) !== checked.of;
  } catch {
    return true;
  }
}

function markOld() {
  if (!checked) return;
  const old = isOld();
  at("check-old").hidden = !old;
  found.classList.toggle("stale", old);
  if (old) quiet("Check again to see whether this deadline can be kept.");
  else if (verdict.querySelector(".quiet")) later(askVerdict);
}

function quiet(words) {
  const place = document.createElement("p");
  place.className = "quiet";
  place.textContent = words;
  if (verdict.textContent.trim() !== words) verdict.replaceChildren(place);
}

async function check() {
  const request = read();
  if (!request) return;
  const button = at("check");
  button.disabled = true;
  try {
    const { idempotency_key: _, ...asked } = request;
    const response = await post(form.dataset.start, { ...asked, dry_run: true });
    if (!response.ok) return await refused(response);
    weighing?.abort();
    checked = { job: (await response.json()).job_id, of: mattering(request), isDone: false };
    at("check-old").hidden = true;
    found.classList.remove("stale");
    quiet("The check runs.");
    watch(checked);
  } catch {
    showProblem(form, null, "The server does not answer. Check again.", { focus: true });
  } finally {
    button.disabled = false;
  }
}

/** Ask until the check has ended, or another one was started. */
async function watch(mine) {
  const part = Symbol("check");
  let last = "";
  while (mine === checked) {
    if (!document.hidden) {
      try {
        const response = await fetch(zoned(`${form.dataset.check}/${encodeURIComponent(mine.job)}`), { credentials: "same-origin" });
        if (mine !== checked) break;
        if (!response.ok && response.status !== 401 && response.status < 500) {
          empty(found, await messageOf(response));
          break;
        }
        if (!response.ok) throw new Error(await messageOf(response));
        const html = await response.text();
        trouble(part, null);
        if (html !== last) fill(found, html, at("check-said"));
        last = html;
        if (!found.querySelector("[data-wait]")) return ended(mine);
      } catch (error) {
        trouble(part, error instanceof TypeError ? "The server does not answer. The check goes on, and this page asks again." : error.message);
      }
    }
    await new Promise((resolve) => window.setTimeout(resolve, AGAIN));
  }
  trouble(part, null);
}

function ended(mine) {
  mine.isDone = Boolean(found.querySelector("[data-done]"));
  const wrong = found.querySelector("[data-field]");
  if (wrong) {
    checked = null;
    quiet("Check the job to see whether this deadline can be kept.");
    if (wrong.dataset.field) showProblem(form, wrong.dataset.field, wrong.textContent.trim());
  } else {
    askVerdict();
  }
}

async function askVerdict() {
  weighing?.abort();
  if (!checked?.isDone || isOld()) return;
  const mine = (weighing = new AbortController());
  const url = zoned(`${form.dataset.verdict}/${encodeURIComponent(checked.job)}`);
  url.searchParams.set("sla_hours", form.elements.sla_hours.value);
  if (form.elements.priority.value) url.searchParams.set("priority", form.elements.priority.value);
  try {
    const response = await fetch(url, { credentials: "same-origin", signal: mine.signal });
    if (mine !== weighing) return;
    if (!response.ok) return quiet(await messageOf(response));
    const html = await response.text();
    if (mine === weighing) for (const place of [verdict, at("found-verdict")]) if (place) place.innerHTML = html; // escaped by the server
  } catch {
    if (!mine.signal.aborted) quiet("The server does not answer.");
  }
}

async function start() {
  const request = read();
  if (!request) return;
  const body = JSON.stringify(request), button = at("go");
  if (keyed.body !== body) keyed = { body, headers: request.idempotency_key ? {} : { "Idempotency-Key": newKey() } };
  button.disabled = true;
  at("done").textContent = "The job is started.";
  try {
    const response = await post(form.dataset.start, request, { ...keyed.headers, Prefer: "wait=10" });
    if (response.ok) return done(await response.json());
    if (response.status < 500) keyed = {}; // refused for sure: the next try is another one
    at("done").textContent = "";
    await refused(response);
  } catch {
    at("done").textContent = "";
    showProblem(form, null, UNKNOWN, { focus: true });
  } finally {
    button.disabled = false;
  }
}

function done(job) {
  const link = document.createElement("a"), words = document.createElement("p");
  link.href = `${form.dataset.jobs}/${encodeURIComponent(job.job_id)}`;
  link.textContent = job.job_id;
  words.className = "done";
  words.append("Started: ", link, job.admission ? DECIDED[job.admission.verdict] ?? "." : ". It waits to be checked by Airflow.", " The same form again shows this job; change a field to start another one.");
  at("done").replaceChildren(words);
  link.focus();
}

/** Return 32 random hex digits, also where the page was not loaded over TLS. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function send() {
  const control = at("upload"), file = control.files[0];
  if (!file) return;
  sending?.abort();
  const mine = (sending = new AbortController());
  clearProblems(form, control);
  const progress = at("upload-progress"), text = at("upload-text");
  let tenth = -1;
  const onProgress = (sent, all) => {
    progress.value = sent / all;
    if (Math.floor((10 * sent) / all) === tenth) return; // a screen reader says each change
    tenth = Math.floor((10 * sent) / all);
    text.textContent = `${file.name}: ${sent === all ? "is stored" : `${10 * tenth} % are sent`}`;
  };
  at("upload-state").hidden = false;
  at("upload-stop").hidden = false;
  onProgress(0, file.size || 1);
  try {
    const id = await upload(file, { address: form.dataset.files, most: Number(form.dataset.most), onProgress, signal: mine.signal });
    if (mine !== sending) return;
    progress.value = 1;
    text.textContent = `${file.name} is uploaded.`;
    at("upload-stop").hidden = true;
    form.elements.input_uri.value = form.dataset.uploaded.replace("FILE", id);
    form.elements.input_uri.dispatchEvent(new Event("input", { bubbles: true }));
    soon(askRows, 0);
  } catch (error) {
    if (mine !== sending) return;
    at("upload-state").hidden = true;
    control.value = "";
    showProblem(form, "upload", error instanceof Problem ? error.message : "This did not work. Choose the file again.", { focus: true });
  }
}
