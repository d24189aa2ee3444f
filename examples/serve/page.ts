/**
 * The page at `/`: what runs here, what there is to try, and the tree of tasks. Plain HTML that needs
 * nothing from elsewhere, follows the reader's colors, and reads well aloud.
 *
 * @module
 */

/** What the page shows. */
export interface PageContent {
  readonly servers: readonly (readonly [name: string, address: string])[];
  readonly tree: string;
  readonly deadline: number;
  readonly slow: number;
}

/** The page as HTML. */
export function page({ servers, tree, deadline, slow }: PageContent): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Grove: what is running</title>
<style>
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 25%, transparent); }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-top: 1px solid var(--line);
  vertical-align: top; }
code, pre { font: .9rem/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; }
</style>
</head>
<body>
<main>
<h1>Grove is running</h1>
<p>One program, and every task in it has an owner.</p>

<h2 id="servers">Servers</h2>
${serverTable(servers)}

<h2 id="try">To try</h2>
<dl>
<dt><a href="/fanout?n=20&amp;ms=300"><code>/fanout?n=20&amp;ms=300</code></a></dt>
<dd>20 tasks of 300 ms each, side by side. All together they have ${deadline} ms:
<a href="/fanout?n=20&amp;ms=3000">3000 ms each</a> are too many.</dd>
<dt><a href="/slow"><code>/slow</code></a></dt>
<dd>Takes ${slow / 1000} seconds, or until its client goes away. Open it, look at the tasks, close
it, and look again.</dd>
<dt><a href="/tasks"><code>/tasks</code></a></dt>
<dd>All tasks as JSON, or <a href="/tasks?format=text">as text</a>.</dd>
<dt><a href="/healthz"><code>/healthz</code></a></dt>
<dd>Says “ok” as long as it serves.</dd>
</dl>

<h2 id="tasks">Tasks at this moment</h2>
<pre tabindex="0" role="region" aria-labelledby="tasks">${escape(tree)}</pre>
<p><a href="/">Look again</a></p>
</main>
</body>
</html>
`;
}

function serverTable(servers: PageContent["servers"]): string {
  if (servers.length === 0) return "<p>This page, served by the platform.</p>";
  const rows = servers.map(([name, address]) =>
    `<tr><th scope="row">${escape(name)}</th><td><code>${escape(address)}</code></td></tr>`
  );
  return `<table>
<caption>In one nursery, side by side; Ctrl-C drains them all.</caption>
<thead><tr><th scope="col">Server</th><th scope="col">Address</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
