/**
 * A chat over Server-Sent Events: a broadcast, and a stream of events for each reader. One who does
 * not read as fast as others write is dropped, and nobody else notices.
 *
 * An event is taken out of the subscription when the client has taken the one before, so the buffer
 * that counts is the subscription's own.
 *
 * @module
 */

import {
  after,
  Broadcast,
  BrokenResourceError,
  cancellable,
  ClosedError,
  select,
  streamBody,
} from "../../mod.ts";
import { chatPage } from "./chat_page.ts";
import { BadRequest, bodyOf, nameFrom, preferred } from "./queries.ts";
import { html, json } from "./replies.ts";

/** How many messages a reader may be behind. */
const CAPACITY = 8;

/** How many bytes a message may have. */
const LONGEST = 16 * 1024;

/** After how many milliseconds without a message a reader is told that the stream is alive. */
const HEARTBEAT = 15_000;

/** For how many milliseconds a reader may take nothing of what it was sent. */
const PATIENCE = 60_000;

/** What is published: events as they are sent, so that they are encoded once for all readers. */
const chat = new Broadcast<Uint8Array>({ name: "chat" });

const encoder = new TextEncoder();

/** The chat as a program, a person or an `EventSource` wants it: its state, its page, its stream. */
export function showChat(_url: URL, request: Request): Response {
  switch (preferred(request, "application/json", "text/html", "text/event-stream")) {
    case "text/event-stream":
      return new Response(streamBody(events, { idleTimeout: PATIENCE }), {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      });
    case "text/html": {
      const nonce = crypto.randomUUID();
      return html(chatPage(nonce), nonce);
    }
    default:
      return json(chat.stats());
  }
}

/** Publishes the body as a message. */
export async function publish(url: URL, request: Request): Promise<Response> {
  const from = nameFrom(url, "from", "somebody");
  const text = await cancellable(bodyOf(request, LONGEST));
  if (text.trim() === "") {
    throw new BadRequest("The body must be the text of the message: it is empty");
  }
  await chat.publish(event("message", { from, text }));
  return new Response(null, { status: 204 });
}

/** The events for one reader, from now on. */
async function* events(): AsyncGenerator<Uint8Array | string> {
  const subscription = chat.subscribe({ capacity: CAPACITY, slow: "fail" });
  try {
    yield event("hello", { readers: chat.stats().subscribers });
    for (;;) {
      const arms = { message: subscription, silence: after(HEARTBEAT) };
      const next = await select(arms, { endOnStop: true });
      yield next.key === "message" ? next.value : ": still here\n\n";
    }
  } catch (error) {
    if (error instanceof BrokenResourceError) yield event("dropped", { behind: CAPACITY });
    else if (!(error instanceof ClosedError)) throw error; // That is the stop of the server.
  } finally {
    subscription.close();
  }
}

function event(type: string, data: unknown): Uint8Array {
  return encoder.encode(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}
