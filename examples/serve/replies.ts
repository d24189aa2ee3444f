/**
 * The responses that routes give: text, JSON, HTML.
 *
 * @module
 */

import { streamBody } from "../../mod.ts";

export function text(body: BodyInit, status = 200): Response {
  return new Response(body, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  });
}

/** Text, a line for each item. The items come in blocks, which are asked for as the client takes them. */
export function lines(blocks: AsyncIterable<readonly unknown[]>): Response {
  return text(streamBody(async function* () {
    for await (const block of blocks) yield block.map((item) => `${item}\n`).join("");
  }, { idleTimeout: 60_000 }));
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
