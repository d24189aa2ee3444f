/**
 * The page at `/chat`, for people.
 *
 * @module
 */

import { document } from "./document.ts";

/** The page as HTML; its script may run where the nonce is allowed. */
export function chatPage(nonce: string): string {
  return document(
    "Grove: chat",
    `<h1>Chat</h1>
<p id="state" role="status">Connecting…</p>
<ol role="log" aria-label="Messages"></ol>
<form>
<label>Name <input name="from" maxlength="40" size="12" required></label>
<label>Message <input name="text" maxlength="4000" size="30" required autocomplete="off"></label>
<button>Send</button>
</form>
<p><a href="/">What is running</a></p>
<script nonce="${nonce}">${SCRIPT}</script>`,
  );
}

const SCRIPT = `
const [state, log, form] = ["#state", "ol", "form"].map((part) => document.querySelector(part));

const events = new EventSource("/chat");
events.addEventListener("hello", ({ data }) => {
  state.textContent = "Connected. Readers: " + JSON.parse(data).readers;
});
events.addEventListener("message", ({ data }) => {
  const { from, text } = JSON.parse(data);
  const line = log.appendChild(document.createElement("li"));
  line.textContent = from + ": " + text;
  line.scrollIntoView();
});
events.addEventListener("dropped", () => {
  state.textContent = "Dropped, as this page did not keep up. Connecting again…";
});
events.addEventListener("error", () => {
  state.textContent = "Not connected. Connecting again…";
});

form.addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const { from, text } = form.elements;
  const where = "/chat?from=" + encodeURIComponent(from.value);
  const sent = await fetch(where, { method: "POST", body: text.value }).catch(() => null);
  if (sent?.ok) text.value = "";
  else state.textContent = sent === null ? "Not connected." : (await sent.json()).error;
});
`;
