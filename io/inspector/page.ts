/**
 * The page: its parts, and what its browser is told to permit it.
 *
 * @module
 */

import { STYLE } from "./page_style.ts";
import { SCRIPT } from "./page_script.ts";
import { TIMELINE } from "./page_timeline.ts";
import { TREE } from "./page_tree.ts";

/**
 * The page, as a response. Its style and script run by a nonce that no other text has; nothing is
 * loaded from elsewhere, nothing may show it in a frame, and text can never become markup in it.
 *
 * @param base The path that its events are below.
 * @param control Whether it has buttons that change something.
 */
export function page(base: string, control: boolean): Response {
  const nonce = crypto.randomUUID();
  return new Response(markup(base, control, nonce), {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": [
        "default-src 'none'",
        `script-src 'nonce-${nonce}'`,
        `style-src 'nonce-${nonce}'`,
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ].join("; "),
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-store",
    },
  });
}

const ICON = "data:image/svg+xml," + encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M8 1 3 7h2l-3 4h5v4h2v-4h5l-3-4h2z" fill="#2f9e68"/></svg>`,
);

function markup(base: string, control: boolean, nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Grove inspector</title>
<link rel="icon" href="${ICON}">
<style nonce="${nonce}">${STYLE}</style>
</head>
<body data-base="${base}" data-control="${control}">
<header>
<h1><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1 3 7h2l-3 4h5v4h2v-4h5l-3-4h2z"/></svg>
Grove <span>inspector</span></h1>
<p id="connection" data-state="waiting">connecting</p>
<dl id="counts">
<div><dt>tasks</dt><dd id="tasks">–</dd></div>
<div><dt>waiting</dt><dd id="waiting">–</dd></div>
<div><dt>in trouble</dt><dd id="trouble">–</dd></div>
</dl>
<input id="find" type="search" placeholder="Find a task, a lock, a state" aria-label="Find"
 autocomplete="off" spellcheck="false">
<button id="pause" aria-pressed="false">Pause</button>
</header>
<section id="alarms" aria-labelledby="alarms-title" hidden>
<h2 id="alarms-title">Will not go on by themselves</h2>
<ul></ul>
</section>
<main>
<section class="tasks" aria-labelledby="tree-title">
<div class="columns"><h2 id="tree-title">Tasks</h2><span aria-hidden="true">what it does</span>
<span aria-hidden="true">for</span><span aria-hidden="true">age</span></div>
<div id="tree" role="tree" tabindex="0" aria-labelledby="tree-title"><div id="rows" role="none"></div>
</div>
</section>
<aside>
<section aria-labelledby="why-title">
<h2 id="why-title">Why does it wait?</h2>
<div id="why"></div>
</section>
<section aria-labelledby="awaited-title">
<h2 id="awaited-title">Waited for</h2>
<ul id="awaited"></ul>
</section>
<section aria-labelledby="places-title">
<h2 id="places-title">Pools and listeners</h2>
<ul id="places"></ul>
</section>
</aside>
</main>
<section class="lately" aria-labelledby="lately-title">
<h2 id="lately-title">The last 30 seconds</h2>
<div id="track" role="img" aria-labelledby="lately-title"><div id="bars"></div></div>
</section>
<p id="said" class="unseen" role="status"></p>
<script type="module" nonce="${nonce}">${SCRIPT}${TREE}${TIMELINE}
look();
</script>
</body>
</html>
`;
}
