/**
 * The page's script: what it wants to see, the stream of news about that, and the parts beside the
 * tree. All that is shown is set as text.
 *
 * @module
 */

/** The first part of the script. The others use what it defines. */
export const SCRIPT: string = String.raw`
const { base, control } = document.body.dataset;
const token = location.hash.slice(1);
const at = (id) => document.getElementById(id);

/** What this page wants to see. */
const view = { open: new Set(), close: new Set(), shown: new Map(), find: "", why: undefined };

/** What is known of the program, by the names that news have. */
const known = {
  tasks: 0,
  waiting: 0,
  trouble: 0,
  alarms: [],
  places: [],
  awaited: [],
  why: null,
  bars: [],
};

/** The program's clock: what it showed last, and when that was here; while paused, it stands. */
let clock = { there: 0, here: 0 };
let paused;
const now = () => clock.there + (paused ?? performance.now()) - clock.here;

let events;
let again;

/** Asks for the view, from now on. */
function look() {
  const query = new URLSearchParams();
  for (const key of view.open) query.append("open", key);
  for (const key of view.close) query.append("close", key);
  for (const [key, count] of view.shown) query.append("shown", count + ":" + key);
  if (view.find !== "") query.set("find", view.find);
  if (view.why !== undefined) query.set("why", view.why);
  paused = undefined;
  at("pause").setAttribute("aria-pressed", false);
  clearTimeout(again);
  events?.close();
  const mine = events = new EventSource(base + "/events?" + query);
  let first = true;
  mine.onopen = () => {
    first = true;
    connected("live", "live");
  };
  mine.onmessage = ({ data }) => {
    const news = JSON.parse(data);
    clock = { there: news.now, here: performance.now() };
    if (first) rows.clear();
    first = false;
    take(news);
  };
  mine.onerror = () => {
    connected("lost", "not connected");
    // After an answer that is none it does not try again by itself.
    if (mine.readyState === EventSource.CLOSED) again = setTimeout(look, 2000);
  };
}

function take(news) {
  for (const name of Object.keys(known)) if (name in news) known[name] = news[name];
  takeRows(news);
  for (const name of ["tasks", "waiting", "trouble"]) put(at(name), count(known[name]));
  if ("trouble" in news) showTrouble();
  if ("alarms" in news) showAlarms();
  if ("awaited" in news) showThings("awaited", known.awaited, "Nobody waits for anything shared.");
  if ("places" in news) showThings("places", known.places, "There are none.");
  if ("why" in news) showWhy();
  drawBars();
}

function connected(state, text) {
  if (!put(at("connection"), text)) return;
  at("connection").dataset.state = state;
  say("The page is " + text);
}

/** Tells those who listen and do not look. */
function say(text) {
  put(at("said"), text);
}

function showTrouble() {
  const { trouble } = known;
  at("trouble").classList.toggle("alarming", trouble > 0);
  const wasInTrouble = document.title.startsWith("(");
  document.title = (trouble > 0 ? "(" + trouble + ") " : "") + "Grove inspector";
  if (trouble > 0) say(plural(trouble, "task") + " in trouble");
  else if (wasInTrouble) say("No task is in trouble any more");
}

function showAlarms() {
  at("alarms").hidden = known.alarms.length === 0;
  const more = known.trouble - known.alarms.length;
  at("alarms").querySelector("ul").replaceChildren(
    ...known.alarms.map(({ id, name, mark }) => make("li", "", link(id, name, mark))),
    ...(more > 0 ? [make("li", "", "and " + count(more) + " more")] : []),
  );
}

/** What is said already, by who waits and who has it; and what was once. */
const UNTOLD = /^(owner|locked|waiters|getters|putters|peak.*)$/;

/** A list of things: their names, how many wait for them, how full they are, who has them. */
function showThings(id, things, otherwise) {
  const items = things.map(({ kind, name, waiters, holder, others: more, state, facts = {} }) => {
    const { size, maxsize, capacity, ...others } = facts;
    const most = maxsize || capacity;
    const told = [
      ...(holder ? ["held by " + holder + andOthers(more)] : []),
      ...(state ? [state] : []),
      ...(size === undefined ? [] : [most ? size + " of " + most : size + " in it"]),
      ...Object.entries(others)
        .filter(([key, value]) => value !== false && value !== 0 && !UNTOLD.test(key))
        .map(([key, value]) => value === true ? words(key) : words(key) + " " + value),
    ].join(" · ");
    return make(
      "li",
      "thing",
      make("span", "", kind + " ", make("b", "", name)),
      make("span", "", waiters ? plural(waiters, "waiter") : ""),
      ...(most && size !== undefined ? [gauge(size, most, kind + " " + name)] : []),
      make("span", "facts", told),
    );
  });
  at(id).replaceChildren(...(items.length > 0 ? items : [make("li", "empty", otherwise)]));
}

function gauge(value, max, label) {
  const meter = make("meter", "");
  Object.assign(meter, { max, value, ariaLabel: label });
  return meter;
}

const ENDS = {
  circle: () => "And so the circle is closed: none of them goes on by itself.",
  "way out": () =>
    "And so on around. But one of them may go on otherwise: by a time limit, a signal, or what " +
    "else it waits for.",
  gone: () => "That task has ended.",
  running: () => "It waits for nothing of Grove's: it runs, or awaits a promise.",
  stuck: () =>
    "It was cancelled and goes on: it awaits something that does not know of that. " +
    "cancellable(), or the signal of its task, is the cure.",
  children: ({ tasks }) =>
    "Its body is done. It ends when the " + plural(tasks, "task") + " in it " +
    (tasks === 1 ? "has" : "have") + " ended.",
  time: () => "It goes on by itself, in time.",
  forever: () => "It sleeps until it is cancelled, or asked to stop.",
  foreign: () => "It awaits a promise that Grove knows nothing about.",
  nobody: () => "Nobody has that: it takes somebody who gives it.",
};

/** The answer to the question that was asked by a click. */
function showWhy() {
  const { why } = known;
  if (why === null) {
    at("why").replaceChildren(
      make("p", "", "Choose a task: a click, or Enter, tells what it waits for, and who has that."),
    );
    return;
  }
  const { id, links, end } = why;
  const chain = links.map((step) =>
    make(
      "li",
      "",
      link(step.id, step.name, step.waits.length > 0 ? "waiting" : step.state),
      ...step.waits.map((wait) => make("p", "", ...doing(wait))),
      ...(step.otherWaits ? [make("p", "", "and for " + count(step.otherWaits) + " more")] : []),
      ...(step.others > 0 ? [make("p", "", alsoBecauseOf(step.others))] : []),
      ...(step.spawnedAt ? [make("p", "", "spawned at " + step.spawnedAt)] : []),
    )
  );
  const ending = make("p", "end", ENDS[end](links.at(-1) ?? {}));
  ending.classList.toggle("alarming", end === "circle" || end === "stuck");
  const parts = [make("ol", end === "circle" ? "circle" : "", ...chain), ending];
  if (control === "true" && end !== "gone") {
    const order = (what, name) => button("", name, () => obey(id, what));
    parts.push(make("div", "orders", order("stop", "Ask to stop"), order("cancel", "Cancel")));
  }
  at("why").replaceChildren(...parts);
}

async function obey(id, order) {
  const answer = await fetch(base + "/tasks/" + id + "/" + order, {
    method: "POST",
    headers: { authorization: "Bearer " + token },
  });
  say(answer.ok ? "Asked for" : await answer.text());
}

/** A wait in words: texts, and the names in it. */
function doing({ kind, name, since, until, holder, others }) {
  const lasts = since === undefined ? [] : [", for ", ticking("since", since)];
  if (kind === "sleep") {
    const left = until === undefined ? [] : [", ", ticking("until", until), " left"];
    return [("sleeps " + name).trim(), ...left];
  }
  if (kind === "promise") return ["awaits a foreign promise", ...lasts];
  const who = holder ? [", held by ", make("b", "", holder), andOthers(others)] : [];
  return ["waits for " + kind + " ", make("b", "", name), ...who, ...lasts];
}

/** A time that passes while it is shown. */
function ticking(what, moment) {
  const made = make("span", "ticking");
  made.dataset[what] = moment;
  tick(made);
  return made;
}

function tick(element) {
  const { since, until } = element.dataset;
  put(element, time(until === undefined ? now() - since : until - now()));
}

setInterval(() => document.querySelectorAll(".ticking").forEach(tick), 1000);

function ask(id) {
  view.why = id;
  look();
}

/** A task that can be asked about. */
function link(id, name, note) {
  return button("task", [name, " ", make("small", "", note)], () => reveal(id));
}

function button(kind, content, act) {
  const made = make("button", kind, ...[content].flat());
  made.addEventListener("click", act);
  return made;
}

function make(tag, kind, ...content) {
  const made = document.createElement(tag);
  made.className = kind;
  made.append(...content);
  return made;
}

/** Sets a text; whether it was another one before. */
function put(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}

const count = (number) => number.toLocaleString("en");
const andOthers = (others) => others > 0 ? " and " + plural(others, "other") : "";
const alsoBecauseOf = (others) => "because of the next, and of " + plural(others, "other");
const plural = (number, noun) => count(number) + " " + noun + (number === 1 ? "" : "s");
const words = (name) => name.replace(/[A-Z]/g, (letter) => " " + letter.toLowerCase());

function time(ms) {
  if (ms < 10_000) return (Math.max(0, ms) / 1000).toFixed(1) + " s";
  if (ms < 60_000) return Math.floor(ms / 1000) + " s";
  if (ms < 3_600_000) return Math.floor(ms / 60_000) + " min";
  return ms < 86_400_000 ? Math.floor(ms / 3_600_000) + " h" : Math.floor(ms / 86_400_000) + " d";
}

let finding;
at("find").addEventListener("input", ({ target }) => {
  clearTimeout(finding);
  finding = setTimeout(() => {
    view.find = target.value;
    look();
  }, 150);
});

at("pause").addEventListener("click", ({ target }) => {
  if (paused !== undefined) return look();
  paused = performance.now();
  target.setAttribute("aria-pressed", true);
  clearTimeout(again);
  events.close();
  connected("waiting", "paused");
});
`;
