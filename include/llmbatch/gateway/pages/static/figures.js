// Elements with data-figures: the server's figures, drawn by plotly into the elements with data-figure inside. One in a
// polled fragment needs an id: what is drawn moves into the new fragment, and is drawn again only if it has changed.
import { poll } from "./poll.js";

let loading = null;
const drawn = new Map();
const sources = new Map();

export function startFigures() {
  begin(document);
  document.addEventListener("replaced", (event) => begin(event.target));
  document.addEventListener("theme", () => {
    for (const [target, figure] of drawn) react(target, figure);
  });
}

function begin(root) {
  for (const element of root.querySelectorAll("[data-figures]")) {
    const known = sources.get(element.id || element);
    if (known) {
      const asked = known.element.dataset.figures;
      known.element = element;
      if (known.figures && window.Plotly) draw(known);
      if (asked !== element.dataset.figures) known.ask();
      continue;
    }
    const source = { element, figures: null, targets: new Map() };
    sources.set(element.id || element, source);
    source.ask = poll({
      address: () => source.element.dataset.figures,
      seconds: Number(element.dataset.every ?? 0),
      use: async (response) => {
        source.figures = (await response.json()).figures;
        await plotly();
        await draw(source);
      },
    });
  }
}

/** Draw what is new or has changed. What was drawn under the same name takes the place of an empty element. */
async function draw({ element, figures, targets }) {
  const begun = [], seen = new Set();
  for (const found of element.querySelectorAll("[data-figure]")) {
    const name = found.dataset.figure, figure = figures[name], text = JSON.stringify(figure), last = targets.get(name);
    (found.closest("figure") ?? found).hidden = !figure;
    if (!figure) continue;
    seen.add(name);
    if (last && last.target !== found) found.replaceWith(last.target);
    const target = last?.target ?? found;
    target.hidden = false;
    if (last?.text === text) continue;
    targets.set(name, { target, text });
    target.setAttribute("role", "img");
    target.setAttribute("aria-label", figure.summary);
    begun.push(react(target, figure));
  }
  for (const [name, { target }] of targets) {
    if (seen.has(name)) continue;
    targets.delete(name);
    drawn.delete(target);
    window.Plotly.purge(target);
  }
  await Promise.all(begun);
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
  const { height, ...given } = figure.layout;
  if (height) target.style.height = `${height}px`;
  const layout = {
    ...given,
    ...axes,
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: style.getPropertyValue("--font").trim(), size: 12, color: text },
    hoverlabel: { bgcolor: style.getPropertyValue("--raised").trim(), font: { color: text }, align: "left" },
    margin: { l: 8, r: 12, t: 12, b: 8, ...figure.layout.margin },
  };
  const isStatic = "static" in target.dataset;
  await window.Plotly.react(target, figure.data, layout, { responsive: !isStatic, staticPlot: isStatic, displayModeBar: false, displaylogo: false });
}
