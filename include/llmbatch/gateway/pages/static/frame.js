// Inside of Airflow's UI. Its frame may open nothing itself, so Airflow's document follows links with data-leave.
export function startFrame() {
  if (window.parent === window) return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-leave]");
    if (!link || event.defaultPrevented) return;
    event.preventDefault();
    const twin = window.parent.document.createElement("a");
    twin.href = afterLogin(link.href);
    if (event.ctrlKey || event.metaKey || link.target === "_blank") {
      twin.target = "_blank";
      twin.rel = "noopener";
    }
    twin.click();
  });
}

/** A link to Airflow's login leads back to where its UI is now, with this page in it. */
function afterLogin(href) {
  const url = new URL(href), outer = window.parent.location;
  if (url.searchParams.has("next")) url.searchParams.set("next", outer.pathname + outer.search);
  return url.href;
}

/** Tell Airflow's UI that the address of this page changed: it shows it as part of its own, which people share. */
export function tellAddress() {
  window.frameElement?.dispatchEvent(new Event("load"));
}
