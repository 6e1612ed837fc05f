// Takes the theme of Airflow's UI around this page, else of Airflow's last choice, else of the system. Runs before the
// first paint, so it is no module.
"use strict";
(() => {
  const outer = (() => {
    try {
      return window.parent !== window ? window.parent.document.documentElement : null;
    } catch {
      return null; // another origin
    }
  })();
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function isDark() {
    const chosen = outer?.dataset.theme ?? (outer?.classList.contains("dark") ? "dark" : outer?.classList.contains("light") ? "light" : window.localStorage.getItem("theme"));
    return chosen === "dark" || chosen === "light" ? chosen === "dark" : system.matches;
  }

  function apply() {
    const theme = isDark() ? "dark" : "light";
    if (document.documentElement.dataset.theme !== theme) {
      document.documentElement.dataset.theme = theme;
      document.dispatchEvent(new Event("theme"));
    }
  }

  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  if (outer) new MutationObserver(apply).observe(outer, { attributes: true, attributeFilter: ["class", "data-theme"] });
})();
