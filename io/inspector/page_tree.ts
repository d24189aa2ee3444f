/**
 * The tree in the page's script. Of its rows only those in sight are elements, and these are filled
 * anew as it is scrolled or told of news; so ten thousand are as quick as ten. The keyboard's focus
 * stays on the tree, which tells by `aria-activedescendant` which row is meant.
 *
 * @module
 */

/** That part of the script. */
export const TREE: string = String.raw`
const HEIGHT = 26;
const tree = at("tree");
const lines = [];

/** The rows by their keys, the keys in their order, and each one's place among its siblings. */
const rows = new Map();
let order = [];
let places = [];

/** The row that the keyboard is at, and the one that it is to go to when it comes. */
let active = "";
let wanted;

function takeRows(news) {
  for (const row of news.rows ?? []) rows.set(row.key, row);
  if (news.order !== undefined) {
    order = news.order;
    const present = new Set(order);
    for (const key of rows.keys()) if (!present.has(key)) rows.delete(key);
    places = placesOf(order);
  }
  if (wanted !== undefined && rows.has(wanted)) {
    const key = wanted;
    wanted = undefined;
    return goTo(order.indexOf(key));
  }
  draw();
}

/** Which of its parent's children each row is: "2 of 10" is what a screen reader tells. */
function placesOf(keys) {
  const counts = [];
  const parents = [];
  return keys.map((key) => {
    const { level, kind } = rows.get(key);
    const siblings = rows.get(parents[level - 1])?.count ?? 1;
    counts.length = level + 1;
    counts[level] = (counts[level] ?? 0) + 1;
    parents[level] = key;
    return { place: kind === "more" ? siblings : counts[level], siblings };
  });
}

/** Fills the elements of those rows that are in sight. */
function draw() {
  at("rows").style.height = order.length * HEIGHT + "px";
  const seen = Math.ceil(tree.clientHeight / HEIGHT) + 8;
  // Where there are fewer rows now, it may be scrolled to where there are none.
  const most = Math.max(0, order.length - seen);
  const first = Math.max(0, Math.min(most, Math.floor(tree.scrollTop / HEIGHT) - 4));
  const last = Math.min(order.length, first + seen);
  while (lines.length < last - first) lines.push(at("rows").appendChild(newLine()));
  while (lines.length > last - first) lines.pop().remove();
  lines.forEach((line, index) => fill(line, rows.get(order[first + index]), first + index));
  const line = lines.find(({ dataset }) => dataset.key === active);
  if (line === undefined) tree.removeAttribute("aria-activedescendant");
  else tree.setAttribute("aria-activedescendant", line.id);
}

let lineCount = 0;

function newLine() {
  const parts = ["twist", "dot", "name", "kind", "mark"].map((part) => make("span", part));
  const label = make("span", "label", ...parts);
  const line = make("div", "row", label, make("span", "does"), make("span", "time"));
  line.append(make("span", "time"));
  line.role = "treeitem";
  line.id = "row-" + ++lineCount;
  return line;
}

function fill(line, row, index) {
  const { key, level, kind, name, mark, since, waits, count: size, open } = row;
  const { place, siblings } = places[index];
  const [label, does, lasts, age] = line.children;
  const [twist, dot, title, sort, note] = label.children;
  const isMore = kind === "more";
  const isAlarming = mark === "stuck" || mark === "deadlocked";
  line.dataset.key = key;
  line.style.transform = "translateY(" + index * HEIGHT + "px)";
  line.className = [
    "row",
    ...(isMore ? ["more"] : []),
    ...(isAlarming ? ["alarming"] : []),
    ...(key === active ? ["active"] : []),
  ].join(" ");
  line.ariaLevel = level;
  line.ariaPosInSet = place;
  line.ariaSetSize = siblings;
  line.ariaExpanded = size > 0 && !isMore ? String(open) : null;
  line.ariaSelected = String(view.why !== undefined && row.id === view.why);
  twist.style.marginLeft = (level - 1) * 16 + "px";
  dot.className = "dot " + (isAlarming ? "alarming" : mark ?? lookOf(row));
  put(title, isMore ? "and " + count(size) + " more: show " + count(nextOf(row)) : name || kind);
  put(sort, kind === "task" || isMore || name === "" ? "" : kind);
  const trouble = row.alarms ? [plural(row.alarms, "task") + " in trouble"] : [];
  put(note, [...(mark ? [mark] : []), ...trouble].join(", "));
  note.className = isAlarming || row.alarms ? "mark alarming" : "mark";
  const words = isMore ? [] : doingOf(row);
  if (does.textContent !== words.map((part) => part.textContent ?? part).join("")) {
    does.replaceChildren(...words);
  }
  const began = row.stuckSince ?? waits[0]?.since;
  put(lasts, began === undefined ? "" : time(now() - began));
  put(age, since === undefined ? "" : time(now() - since));
  line.title = [name || kind, does.textContent, row.spawnedAt ? "spawned at " + row.spawnedAt : ""]
    .filter((part) => part !== "").join("\n");
}

function lookOf({ kind, state, waits }) {
  if (kind !== "task" && kind !== "job") return "none";
  return waits.length > 0 ? "waiting" : state;
}

/** What a row says that its node does. */
function doingOf({ kind, state, mark, waits, otherWaits, facts = {}, summary, count: size }) {
  if (mark === "stuck") return ["was cancelled, and goes on"];
  const words = waits.flatMap(({ since: _, ...wait }, index) => [
    ...(index > 0 ? ["; "] : []),
    ...doing(wait),
  ]);
  if (otherWaits) words.push("; and for " + count(otherWaits) + " more");
  if (words.length > 0) return words;
  if (summary) return [summary.join(" · ")];
  const told = Object.entries(facts).filter(([, value]) => value !== 0 && value !== false);
  if (told.length > 0) return [told.map((fact) => fact.join(" ")).join(" · ")];
  if (kind !== "task") return [state ?? (size === 0 ? "empty" : "")];
  return [state === "running" && size === 0 ? "runs, or awaits a promise" : state];
}

/** How many more a click on the row for the others shows. */
function nextOf({ count: left, shown }) {
  return Math.min(left, shown * 9);
}

/** Puts the keyboard at a row, and that in sight. */
function goTo(index) {
  if (order.length === 0) return;
  const to = Math.max(0, Math.min(order.length - 1, index));
  active = order[to];
  const top = to * HEIGHT;
  if (top < tree.scrollTop) tree.scrollTop = top;
  const below = top + HEIGHT - tree.clientHeight;
  if (below > tree.scrollTop) tree.scrollTop = below;
  draw();
}

/** Shows a task in the tree, wherever it is, and why it waits. */
function reveal(id) {
  wanted = "t" + id;
  view.close.clear();
  view.find = at("find").value = "";
  ask(id);
}

function toggle(row) {
  if (row.count === 0) return;
  for (const keys of [view.open, view.close]) keys.delete(row.key);
  (row.open ? view.close : view.open).add(row.key);
  look();
}

/** What a click or Enter does. */
function choose(row) {
  if (row.kind === "more") {
    view.shown.set(row.key.slice(0, -2), row.shown + nextOf(row));
    look();
  } else if (row.kind === "task") ask(row.id);
  else toggle(row);
}

tree.addEventListener("scroll", draw, { passive: true });
tree.addEventListener("click", ({ target }) => {
  const line = target.closest(".row");
  if (line === null) return;
  const { key } = line.dataset;
  goTo(order.indexOf(key));
  if (target.closest(".twist") && rows.get(key).count > 0) toggle(rows.get(key));
  else choose(rows.get(key));
});

tree.addEventListener("focus", () => {
  if (!rows.has(active)) goTo(0);
});

const page = () => Math.max(1, Math.floor(tree.clientHeight / HEIGHT) - 1);

const KEYS = {
  ArrowDown: (index) => goTo(index + 1),
  ArrowUp: (index) => goTo(index - 1),
  PageDown: (index) => goTo(index + page()),
  PageUp: (index) => goTo(index - page()),
  Home: () => goTo(0),
  End: () => goTo(order.length - 1),
  ArrowRight: (index, row) => row.open ? goTo(index + 1) : toggle(row),
  ArrowLeft: (index, row) => row.open ? toggle(row) : goTo(parentOf(index, row)),
  Enter: (_index, row) => choose(row),
  " ": (_index, row) => choose(row),
};

tree.addEventListener("keydown", (press) => {
  const act = KEYS[press.key];
  if (act === undefined || press.ctrlKey || press.metaKey || press.altKey) return;
  press.preventDefault();
  const index = order.indexOf(active);
  if (index === -1) goTo(0);
  else act(index, rows.get(active));
});

function parentOf(index, { level }) {
  while (index > 0 && rows.get(order[index]).level >= level) index--;
  return index;
}

new ResizeObserver(draw).observe(tree);
setInterval(draw, 1000);
`;
