/**
 * The timeline in the page's script: bars on a layer that glides to the left as time passes. A bar
 * keeps its lane for as long as it is in sight.
 *
 * @module
 */

/** That part of the script. */
export const TIMELINE: string = String.raw`
const SPAN = 30_000;
const LANE = 18;
const track = at("track");
const drawn = new Map();

/** When the last bar of each lane ends. */
let lanes = [];

/** The time at the right edge of the layer. */
let edge = 0;

function drawBars() {
  edge = now();
  const start = edge - SPAN;
  const scale = track.clientWidth / SPAN;
  const inSight = known.bars.filter(({ to = edge }) => to > start);
  const ids = new Set(inSight.map(({ id }) => id));
  for (const [id, { element }] of drawn) {
    if (ids.has(id)) continue;
    element.remove();
    drawn.delete(id);
  }
  lanes = [];
  for (const { id, to = Infinity } of inSight) {
    const lane = drawn.get(id)?.lane;
    if (lane !== undefined) lanes[lane] = Math.max(lanes[lane] ?? 0, to);
  }
  for (const bar of inSight) {
    const { element, lane } = drawn.get(bar.id) ?? newBar(bar);
    // A second too far to the left, and one that goes on too far to the right, for the glide.
    const left = Math.max(bar.from, start - 1000);
    const right = bar.to ?? edge + 5000;
    element.className = "bar " + bar.state;
    element.style.left = (left - start) * scale + "px";
    element.style.width = Math.max(3, (right - left) * scale - 1) + "px";
    // Its name begins where it can be read.
    element.style.textIndent = Math.max(0, start - left) * scale + "px";
    element.style.top = lane * LANE + "px";
    element.title = bar.name + ": " + bar.state + ", " + time((bar.to ?? edge) - bar.from);
  }
  track.ariaLabel = plural(inSight.length, "task") + " in the last 30 seconds";
  glide();
}

function newBar({ id, name, from, to = Infinity }) {
  let lane = 0;
  while (lanes[lane] > from) lane++;
  lanes[lane] = to;
  const element = at("bars").appendChild(make("div", "", name));
  element.dataset.id = id;
  drawn.set(id, { element, lane });
  return drawn.get(id);
}

function glide() {
  const way = (now() - edge) * track.clientWidth / SPAN;
  at("bars").style.transform = "translateX(" + -way + "px)";
}

track.addEventListener("click", ({ target }) => {
  if (target.dataset.id !== undefined) reveal(Number(target.dataset.id));
});

if (matchMedia("(prefers-reduced-motion: reduce)").matches) setInterval(drawBars, 1000);
else {
  setInterval(drawBars, 3000);
  requestAnimationFrame(function frame() {
    glide();
    requestAnimationFrame(frame);
  });
}
showWhy();
`;
