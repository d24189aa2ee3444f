/**
 * The responses that routes give: text, JSON, HTML.
 *
 * @module
 */

import { currentTask } from "../../mod.ts";

const encoder = new TextEncoder();

export function text(body: BodyInit, status = 200): Response {
  return new Response(body, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  });
}

/**
 * Text, a line for each item. The items come in blocks, which are asked for as the client takes them;
 * when it goes away, whatever gives them is told so by `return()`.
 */
export function lines(blocks: AsyncIterable<readonly unknown[]>): Response {
  const request = currentTask();
  const iterator = blocks[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array>({
    // The platform pulls from outside all tasks, when the request's task has long ended. What it ran
    // in, the server, is where this belongs: with that, the job behind it ends too.
    async pull(controller) {
      const { done, value } = await request.run(() => iterator.next());
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value.map((item) => `${item}\n`).join("")));
    },
    async cancel() {
      await iterator.return?.();
    },
  }, { highWaterMark: 0 });
  return text(body);
}

export function json(body: unknown, status = 200): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store" } });
}

/** A page. It may load nothing but its own style; with a `nonce` its script too, which may ask here. */
export function html(body: string, nonce?: string): Response {
  const script = nonce === undefined ? "" : `; script-src 'nonce-${nonce}'; connect-src 'self'`;
  return new Response(body, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src 'unsafe-inline'${script}`,
      "cache-control": "no-store",
    },
  });
}

/** A 503: there is no room at the moment, and it is worth another try in a second. */
export function busy(error: string): Response {
  const response = json({ error }, 503);
  response.headers.set("retry-after", "1");
  return response;
}
