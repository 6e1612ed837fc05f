// Elements with data-figures: the server's figures, drawn by plotly into the elements with data-figure inside.
import { poll } from "./poll.js";

let loading = null;
const drawn = new Map();

export function startFigures() {
  for (const element of document.querySelectorAll("[data-figures]")) {
    poll({
      address: () => element.dataset.figures,
      seconds: Number(element.dataset.every ?? 0),
      use: async (response) => draw(element, (await response.json()).figures),
    });
  }
  document.addEventListener("theme", () => {
    for (const [target, figure] of drawn) react(target, figure);
  });
}

async function draw(element, figures) {
  await plotly();
  for (const target of element.querySelectorAll("[data-figure]")) {
    const figure = figures[target.dataset.figure];
    const shown = target.closest("figure") ?? target;
    shown.hidden = !figure;
    if (!figure) continue;
    target.setAttribute("role", "img");
    target.setAttribute("aria-label", figure.summary);
    await react(target, figure);
  }
}

/** Load the bundle once, after the text of the page. */
function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.plotly;
    script.onload = resolve;
    script.onerror = () => reject(new Error("The charts could not be loaded. Load the page again."));
    document.head.append(script);
  });
  return loading;
}

async function react(target, figure) {
  drawn.set(target, figure);
  const style = getComputedStyle(document.documentElement);
  const text = style.getPropertyValue("--text").trim(), grid = style.getPropertyValue("--line").trim();
  const axes = Object.fromEntries(
    Object.keys({ xaxis: 0, yaxis: 0, ...figure.layout })
      .filter((name) => /^[xy]axis\d*$/.test(name))
      .map((name) => [name, { automargin: true, gridcolor: grid, zerolinecolor: grid, linecolor: grid, ...figure.layout[name] }]),
  );
  const layout = {
    ...figure.layout,
    ...axes,
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: style.getPropertyValue("--font").trim(), size: 12, color: text },
    hoverlabel: { bgcolor: style.getPropertyValue("--raised").trim(), font: { color: text }, align: "left" },
    margin: { l: 8, r: 12, t: 12, b: 8, ...figure.layout.margin },
  };
  await window.Plotly.react(target, figure.data, layout, { responsive: true, displayModeBar: false, displaylogo: false });
}
