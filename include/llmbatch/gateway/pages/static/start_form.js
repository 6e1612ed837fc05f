// The form of the page that starts a job: what it asks for, its errors, its slider.

/** An error of one field. */
export class Problem extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

/** Return the request that the form describes. Throws a Problem. */
export function requestOf(form) {
  const request = {};
  for (const control of form.querySelectorAll("[name]")) {
    if (control.name === "more") continue;
    if (control.validity.badInput) throw new Problem(control.name, "This is not a number.");
    if (control.value.trim() === "") continue;
    const value = control.type === "number" ? Number(control.value) : control.tagName === "INPUT" ? control.value.trim() : control.value;
    const [section, leaf] = control.name.split(".");
    if (leaf) request[section] = { ...request[section], [leaf]: value };
    else request[section] = value;
  }
  for (const [name, value] of Object.entries(moreOf(form))) {
    request[name] = isObject(value) && isObject(request[name]) ? { ...request[name], ...value } : value;
  }
  return request;
}

function moreOf(form) {
  const text = form.elements.more.value.trim();
  if (!text) return {};
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Problem("more", `This is not JSON: ${error.message}`);
  }
  if (!isObject(value)) throw new Problem("more", 'Write an object, such as {"on_infeasible": "reject"}.');
  return value;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Show an error at its field, or above the buttons if no field has it. */
export function showProblem(form, field, message, { focus = false } = {}) {
  const control = controlOf(form, field);
  const place = document.getElementById(control ? `${control.id}-problem` : "start-problem");
  const isClear = control?.name === field || field === "request"; // then its name needs no repetition
  place.textContent = isClear && message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
  place.hidden = false;
  if (control) {
    control.setAttribute("aria-invalid", "true");
    const folded = control.closest("details");
    if (folded) folded.open = true;
  }
  if (focus) (control ?? place).focus();
}

/** Remove the errors of one control, or of all. */
export function clearProblems(form, only = null) {
  for (const place of form.querySelectorAll(".problem")) {
    const control = document.getElementById(place.id.replace(/-problem$/, ""));
    if (only && control !== only && control !== form) continue;
    place.hidden = true;
    place.textContent = "";
    if (control !== form) control?.removeAttribute("aria-invalid");
  }
}

function controlOf(form, field) {
  if (!field) return null;
  if (field === "upload") return document.getElementById("start-upload");
  const control = form.elements.namedItem(field) ?? form.elements.namedItem(field.split(".")[0]);
  if (control) return control;
  const more = form.elements.more;
  return more.value.includes(`"${field.split(".")[0]}"`) ? more : null;
}

/** Keep the slider and the number of hours equal; the number may lie between two steps. */
export function startSlider(form, slider) {
  const hours = form.elements.sla_hours, steps = JSON.parse(slider.dataset.steps);

  function follow() {
    const value = Number(hours.value);
    if (!(value > 0)) return;
    const distances = steps.map((step) => Math.abs(Math.log(step / value)));
    slider.value = distances.indexOf(Math.min(...distances));
    slider.setAttribute("aria-valuetext", spoken(value));
  }

  slider.addEventListener("input", () => {
    hours.value = steps[Number(slider.value)];
    slider.setAttribute("aria-valuetext", spoken(Number(hours.value)));
    hours.dispatchEvent(new Event("input", { bubbles: true }));
  });
  hours.addEventListener("input", () => {
    if (document.activeElement !== slider) follow();
  });
  follow();
}

function spoken(hours) {
  return hours === 1 ? "1 hour" : `${hours} hours`;
}
