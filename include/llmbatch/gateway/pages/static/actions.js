// Buttons with data-post: each asks once, posts, and says what it did. Buttons with data-copy copy a text.
import { refresh } from "./fragments.js";
import { messageOf } from "./poll.js";

export function startActions() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.post) perform(button);
    if (button?.dataset.copy) copy(button);
  });
}

/** Say something to all readers, also to those who listen. */
export function say(text, isError = false) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.toggle("wrong", isError);
}

/** Add a link to what was said. */
function link(address, text) {
  const found = document.createElement("a");
  Object.assign(found, { href: address, textContent: text });
  document.getElementById("said").append(" ", found);
}

async function perform(button) {
  const fields = await ask(button);
  if (!fields) return;
  button.disabled = true;
  try {
    const body = JSON.stringify({ ...JSON.parse(button.dataset.body ?? "{}"), ...fields });
    const response = await fetch(button.dataset.post, { method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" }, body });
    if (!response.ok) say(await messageOf(response), true);
    else {
      const answer = await response.json();
      say(answer.done ?? button.dataset.done ?? "Done.");
      if (button.dataset.open && answer.job_id) link(`${button.dataset.open}/${encodeURIComponent(answer.job_id)}`, answer.job_id);
    }
  } catch {
    say("The server does not answer. Nothing is known about this request: look at the job before you repeat it.", true);
  }
  button.disabled = false;
  refresh();
}

/** Ask in the dialog of the page; return the fields, or null for no. Fields are data-fields: [{name, label, type, value, min, max}]. */
function ask(button) {
  const dialog = document.getElementById("ask");
  document.getElementById("ask-title").textContent = button.textContent.trim();
  document.getElementById("ask-text").textContent = button.dataset.confirm ?? "";
  document.getElementById("ask-yes").textContent = button.textContent.trim();
  const inputs = JSON.parse(button.dataset.fields ?? "[]").map((field) => {
    const label = document.createElement("label"), input = document.createElement("input");
    Object.assign(input, { name: field.name, type: field.type ?? "text", value: field.value ?? "" });
    for (const rule of ["min", "max", "step", "maxLength", "placeholder", "required"]) if (field[rule] !== undefined) input[rule] = field[rule];
    label.append(field.label, input);
    return [label, input, field];
  });
  document.getElementById("ask-fields").replaceChildren(...inputs.map(([label]) => label));
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      button.focus();
      if (dialog.returnValue !== "yes") resolve(null);
      else resolve(Object.fromEntries(inputs.filter(([, input]) => input.value !== "").map(([, input, field]) => [field.name, field.type === "number" ? Number(input.value) : input.value])));
    }, { once: true });
  });
}

async function copy(button) {
  const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    say("This browser does not let pages copy. Select the text instead.", true);
  }
}
