"""The page's style, light and dark. One blue for data, red only for missed deadlines; never colour alone."""

STYLESHEET = """
:root { color-scheme: light dark; --page: #f4f4f1; --card: #ffffff; --ink: #14140f; --soft: #56554e; --rule: #e2e1da;
  --data: #2a6fc4; --bad: #c62f2f; --warn: #9a6200; --good: #1d7a34; }
@media (prefers-color-scheme: dark) { :root { --page: #131312; --card: #1d1d1b; --ink: #f4f4ee; --soft: #b6b5ab;
  --rule: #34342f; --data: #5b9df0; --bad: #f07171; --warn: #e8b04a; --good: #62c47c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 18px; margin: 34px 0 12px; }
h3 { font-size: 15px; margin: 0 0 2px; }
p { margin: 4px 0; } .soft, .hint { color: var(--soft); } .hint { font-size: 13px; margin-bottom: 8px; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 13px; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(146px, 1fr)); gap: 12px; margin-top: 20px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 14px; }
.tile, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 14px 16px; }
.tile b { display: block; font-size: 25px; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; } .tile.bad b { color: var(--bad); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 8px 12px; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { color: var(--soft); font-weight: 550; font-size: 13px; } tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.why { white-space: normal; min-width: 230px; color: var(--soft); font-size: 13px; }
td small { display: block; color: var(--soft); font-size: 12px; }
.pill { display: inline-block; padding: 0 9px; border-radius: 99px; border: 1px solid currentColor; font-size: 13px; }
.on_track, .met-word { color: var(--good); } .at_risk { color: var(--warn); } .violated { color: var(--bad); }
progress { width: 90px; height: 8px; accent-color: var(--data); vertical-align: middle; margin-right: 8px; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
svg text { fill: var(--soft); }
svg .note { fill: var(--ink); font-weight: 550; paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
.grid { stroke: var(--rule); fill: none; }
.line { stroke: var(--data); stroke-width: 2.2; fill: none; stroke-linejoin: round; }
.band { fill: var(--data); opacity: .2; } .dot { fill: var(--data); stroke: var(--card); stroke-width: 1.5; }
.deadline { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 7 5; fill: none; }
.actual { stroke: var(--ink); stroke-width: 1.4; stroke-dasharray: 2 4; fill: none; }
.ideal { stroke: var(--soft); stroke-dasharray: 4 4; fill: none; }
.met { fill: var(--data); } .missed { fill: var(--bad); }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin: 0 5px -1px 0; }
.key.met { background: var(--data); } .key.missed { background: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 18px; margin: 0; font-size: 14px; }
dt { font-weight: 550; } dd { margin: 0; color: var(--soft); }
@media (max-width: 640px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; } }
@media print { body { background: #fff; } .card, .tile { break-inside: avoid; } }
"""
