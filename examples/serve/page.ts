/**
 * The page at `/`: what runs here, what there is to try, the jobs, and the tree of tasks.
 *
 * @module
 */

import { document, escape } from "./document.ts";
import type { Job, JobsState } from "./jobs.ts";

/** What the page shows. */
export interface PageContent {
  readonly servers: readonly (readonly [name: string, address: string])[];
  readonly jobs: JobsState;
  readonly tree: string;
  readonly deadline: number;
  readonly slow: number;
}

/** The page as HTML. */
export function page({ servers, jobs, tree, deadline, slow }: PageContent): string {
  return document(
    "Grove: what is running",
    `<h1>Grove is running</h1>
<p>One program, and every task in it has an owner.</p>

<h2 id="servers">Servers</h2>
${serverTable(servers)}

<h2 id="try">To try</h2>
<dl>
<dt><a href="/chat"><code>/chat</code></a></dt>
<dd>Talk with whoever is there: open it twice. For programs it is a stream of events.</dd>
<dt><a href="/inspector"><code>/inspector</code></a></dt>
<dd>All tasks as they come and go: what each waits for, and who has that.</dd>
<dt><a href="/jobs"><code>/jobs</code></a></dt>
<dd>The <a href="#jobs">jobs</a> as JSON. A <code>POST</code> to
<code>/jobs?priority=1&amp;ms=3000&amp;name=sweep</code> puts one more.</dd>
<dt><a href="/fanout?n=20&amp;ms=300"><code>/fanout?n=20&amp;ms=300</code></a></dt>
<dd>20 tasks of 300 ms each, side by side. All together they have ${deadline} ms:
<a href="/fanout?n=20&amp;ms=3000">3000 ms each</a> are too many.</dd>
<dt><a href="/fib?n=40"><code>/fib?n=40</code></a></dt>
<dd>The 40th Fibonacci number, the slow way, on a worker thread where there are any. Close it before
it is there, and the <a href="/pool">pool</a> has one job less.</dd>
<dt><a href="/primes?upto=10000000"><code>/primes?upto=10000000</code></a></dt>
<dd>Primes, as a worker finds them: no faster than you read, and no longer than you are there.</dd>
<dt><a href="/slow"><code>/slow</code></a></dt>
<dd>Takes ${slow / 1000} seconds, or until its client goes away. Open it, look at the tasks, close
it, and look again.</dd>
<dt><a href="/tasks"><code>/tasks</code></a></dt>
<dd>All tasks as JSON, or <a href="/tasks?format=text">as text</a>.</dd>
<dt><a href="/healthz"><code>/healthz</code></a></dt>
<dd>Says “ok” as long as it serves.</dd>
</dl>

<h2 id="jobs">Jobs</h2>
${jobSection(jobs)}

<h2 id="tasks">Tasks at this moment</h2>
<pre tabindex="0" role="region" aria-labelledby="tasks">${escape(tree)}</pre>
<p><a href="/">Look again</a></p>`,
  );
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

function jobSection({ stats, workers, waiting, done }: JobsState): string {
  if (workers.length === 0) return "<p>Nobody works here: the platform answers requests only.</p>";
  const rows = workers.map(({ name, job }) =>
    `<tr><th scope="row">${name}</th><td>${job === null ? "waits for a job" : about(job)}</td></tr>`
  );
  return `<table>
<caption>The job with the lowest priority number is next, and of equal ones the first.</caption>
<thead><tr><th scope="col">Worker</th><th scope="col">Does</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
<p>Places taken in the queue: ${stats.size} of ${stats.maxsize}. Clients that wait for one:
${stats.putters}.</p>
${list("Not begun", waiting)}
${list("Done last", done)}
<form method="post">
<button formaction="/jobs?priority=1&amp;ms=3000">Put an urgent job</button>
<button formaction="/jobs?priority=9&amp;ms=3000">Put a job that can wait</button>
</form>`;
}

function list(title: string, jobs: readonly Job[]): string {
  if (jobs.length === 0) return "";
  return `<h3>${title}</h3>\n<ul>\n${
    jobs.map((job) => `<li>${about(job)}</li>`).join("\n")
  }\n</ul>`;
}

function about({ number, name, priority, ms }: Job): string {
  return `${number}: ${escape(name)} (priority ${priority}, ${ms} ms)`;
}
