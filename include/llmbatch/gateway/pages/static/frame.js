// Links with data-leave inside of Airflow's UI: its frame may open nothing itself, so its document does it.
export function startFrame() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-leave]");
    if (!link || window.parent === window || event.defaultPrevented) return;
    event.preventDefault();
    const twin = window.parent.document.createElement("a");
    twin.href = link.href;
    if (event.ctrlKey || event.metaKey || link.target === "_blank") {
      twin.target = "_blank";
      twin.rel = "noopener";
    }
    twin.click();
  });
}
