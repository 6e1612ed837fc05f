// Forms with data-filter: their fields are the query of a polled element and of this page's own address.
import { tellAddress } from "./frame.js";
import { refresh } from "./fragments.js";

const WAIT = 250;

export function startFilters() {
  for (const form of document.querySelectorAll("form[data-filter]")) {
    const target = document.getElementById(form.dataset.filter);
    const base = target.dataset.poll.split("?")[0];
    let timer = 0;

    function apply() {
      const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      const text = query.toString();
      target.dataset.poll = text ? `${base}?${text}` : base;
      window.history.replaceState(null, "", text ? `?${text}` : window.location.pathname);
      tellAddress();
      refresh(target);
    }

    form.addEventListener("input", () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(apply, WAIT);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      apply();
    });
    // Buttons in the polled element set one field, such as the order of a table.
    target.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-set]");
      if (!button) return;
      form.elements[button.dataset.set].value = button.value;
      apply();
    });
  }
}
