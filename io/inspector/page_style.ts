/**
 * The looks of the page, in the reader's colors, dark or light.
 *
 * @module
 */

/** The style sheet. */
export const STYLE: string = String.raw`
:root {
  color-scheme: light dark;
  --ground: light-dark(#f3f5f3, #0e1211);
  --panel: light-dark(#fff, #151a18);
  --raised: light-dark(#f3f6f4, #1c2320);
  --line: light-dark(#dde3df, #28312d);
  --text: light-dark(#17201c, #e3e9e6);
  --dim: light-dark(#56635d, #94a39b);
  --green: light-dark(#1a7447, #62d29c);
  --blue: light-dark(#2c629e, #82b6ee);
  --amber: light-dark(#865400, #e9b65d);
  --red: light-dark(#b4232a, #ff8a85);
  --alarm: light-dark(#fdeceb, #371a1b);
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
body { margin: 0; height: 100dvh; display: flex; flex-direction: column; background: var(--ground);
  color: var(--text); font: 13px/1.45 system-ui, sans-serif; }
h1, h2, p, dl, dd, ul, ol { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { font-size: 16px; font-weight: 650; display: flex; align-items: center; gap: .4em; }
h1 svg { width: 1.3em; fill: var(--green); }
h1 span, h2 { font-weight: 500; color: var(--dim); }
h2 { font-size: 12px; }
button, input { font: inherit; color: inherit; background: var(--panel); border-radius: 6px;
  border: 1px solid var(--line); padding: 4px 10px; }
button { cursor: pointer; }
button:hover { border-color: var(--dim); }
button[aria-pressed="true"] { background: var(--amber); border-color: var(--amber);
  color: var(--panel); }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 1px; }
.unseen { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }

header { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 18px; padding: 10px 16px; }
#find { flex: 0 1 20rem; margin-left: auto; }
#connection { color: var(--dim); display: flex; align-items: center; gap: 6px; }
#connection::before { content: ""; width: 8px; height: 8px; border-radius: 50%;
  background: var(--amber); }
#connection[data-state="live"]::before { background: var(--green); }
#connection[data-state="lost"]::before { background: var(--red); }
#counts { display: flex; gap: 18px; }
#counts div { display: flex; flex-direction: row-reverse; align-items: baseline; gap: 5px; }
#counts dt { color: var(--dim); }
#counts dd { font-weight: 650; font-variant-numeric: tabular-nums; }
.alarming { color: var(--red); }

#alarms { margin: 0 16px 10px; padding: 8px 12px; background: var(--alarm); border-radius: 8px;
  border-left: 3px solid var(--red); max-height: 6.5rem; overflow: auto; }
#alarms:not([hidden]) { display: flex; gap: 6px 14px; align-items: baseline; }
#alarms h2 { color: var(--red); font-weight: 650; flex: none; }
#alarms ul { display: flex; flex-wrap: wrap; gap: 4px; }
.task { font-family: var(--mono); font-size: 12px; padding: 1px 7px; border-radius: 5px;
  max-width: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.task small { color: var(--dim); font-size: 11px; }

main { flex: 1; min-height: 0; display: grid; gap: 10px; padding: 0 16px;
  grid-template-columns: minmax(0, 1fr) minmax(260px, 340px); }
.tasks, aside, .lately { background: var(--panel); border: 1px solid var(--line);
  border-radius: 10px; }
.tasks { display: flex; flex-direction: column; min-height: 0; overflow: hidden; }
.columns, .row { display: grid; align-items: center; column-gap: 12px; padding: 0 14px;
  grid-template-columns: minmax(11rem, 5fr) minmax(8rem, 6fr) 4.2rem 4.2rem; }
.columns { flex: none; height: 32px; border-bottom: 1px solid var(--line); color: var(--dim);
  font-size: 12px; }
.columns span:nth-last-child(-n+2), .time { text-align: right; }
#tree { flex: 1; overflow: auto; overflow-anchor: none; outline-offset: -2px; }
#rows { position: relative; min-width: 26rem; }
.row { position: absolute; inset: 0 0 auto; height: 26px; cursor: default; white-space: nowrap; }
.row:hover { background: var(--raised); }
.row.active { background: var(--raised); box-shadow: inset 2px 0 var(--dim); }
#tree:focus .row.active { box-shadow: inset 2px 0 var(--blue); }
.row[aria-selected="true"] { background: color-mix(in srgb, var(--blue) 14%, var(--panel)); }
.row.alarming { background: var(--alarm); }
.row > * { overflow: hidden; text-overflow: ellipsis; }
.row .label { display: flex; align-items: center; gap: 6px; }
.twist { flex: none; width: 18px; height: 24px; display: grid; place-items: center; }
.twist::before { width: 6px; height: 6px; border: solid var(--dim); border-width: 0 1.5px 1.5px 0;
  transform: rotate(-45deg); }
[aria-expanded] .twist { cursor: pointer; }
[aria-expanded] .twist::before { content: ""; }
[aria-expanded="true"] .twist::before { transform: translateY(-2px) rotate(45deg); }
.dot { flex: none; width: 8px; height: 8px; border-radius: 50%; border: 1.5px solid var(--dim); }
.dot.running { background: var(--green); border-color: var(--green); }
.dot.waiting { border-color: var(--blue); }
.dot.cancelled, .dot.stopping { background: var(--amber); border-color: var(--amber); }
.dot.alarming { background: var(--red); border-color: var(--red); border-radius: 2px; }
.dot.none { border-color: transparent; }
.name { font-family: var(--mono); font-size: 12px; overflow: hidden; text-overflow: ellipsis; }
.kind, .time, .does { color: var(--dim); }
.kind { font-size: 12px; }
.does b { font: 500 12px var(--mono); color: var(--text); }
.time { font-variant-numeric: tabular-nums; }
.mark { font-size: 11px; font-weight: 650; color: var(--amber); }
.mark.alarming { color: var(--red); }
.more .name { color: var(--blue); font-family: inherit; }

aside { overflow: auto; }
aside section { padding: 10px 14px 12px; }
aside section + section { border-top: 1px solid var(--line); }
aside h2 { margin-bottom: 6px; }
aside p, .facts, .empty { color: var(--dim); }
#why ol > li { position: relative; padding: 0 0 10px 18px; }
#why ol > li::before { content: ""; position: absolute; left: 3px; top: 7px; width: 9px; height: 9px;
  border-radius: 50%; background: var(--blue); }
#why ol > li::after { content: ""; position: absolute; left: 7px; top: 19px; bottom: -4px;
  border-left: 1.5px solid var(--line); }
#why .circle li::before { background: var(--red); }
#why .circle li::after { border-color: var(--red); }
#why ol > li p { margin-top: 2px; overflow-wrap: anywhere; }
#why .end { padding-left: 18px; color: var(--text); }
#why .end.alarming { color: var(--red); font-weight: 600; }
#why .orders { display: flex; gap: 8px; padding: 10px 0 0 18px; }
.thing { display: grid; grid-template-columns: 1fr auto; gap: 0 10px; padding: 3px 0; }
.thing > :first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.thing b { font: 500 12px var(--mono); }
.thing .facts { grid-column: 1 / -1; font-size: 12px; overflow-wrap: anywhere; }
.thing meter { grid-column: 1 / -1; width: 100%; height: 8px; }

.lately { margin: 10px 16px 14px; padding: 8px 14px 10px; flex: none; }
#track { position: relative; height: 132px; margin-top: 6px; overflow: hidden auto;
  background: repeating-linear-gradient(to left, var(--line) 0 1px, transparent 1px calc(100% / 6)); }
#bars { position: absolute; inset: 0; will-change: transform; }
.bar { position: absolute; height: 15px; border-radius: 3px; padding: 0 5px; overflow: hidden;
  font: 10.5px/15px var(--mono); white-space: nowrap; text-overflow: ellipsis; cursor: pointer;
  color: var(--text); border-left: 2px solid var(--tint);
  background: color-mix(in srgb, var(--tint) 26%, var(--panel)); --tint: var(--dim); }
.bar.running { --tint: var(--green); }
.bar.waiting { --tint: var(--blue); }
.bar.failed, .bar.alarming { --tint: var(--red); }
.bar.cancelled { --tint: var(--amber); }

@media (width < 900px) {
  body { height: auto; min-height: 100dvh; }
  main { grid-template-columns: minmax(0, 1fr); }
  .tasks { height: 60dvh; }
  .columns, .row { grid-template-columns: minmax(12rem, 1fr) minmax(8rem, 1fr) 3.5rem; }
  .columns > :last-child, .row > :last-child { display: none; }
}
@media (forced-colors: active) {
  .dot, .bar { forced-color-adjust: none; }
}
`;
