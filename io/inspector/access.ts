/**
 * Who may ask. What the inspector shows is for whoever sits at this machine, and a browser there runs
 * the pages of others too: one of them may send requests here, or have a name of its own lead here
 * (DNS rebinding) and read the answers. So a request has to come from this machine, has to name it
 * as such, and must not come from another page; nor over a proxy on this machine, as far as that tells.
 *
 * @module
 */

/** Where a request comes from, as `Deno.serve` tells. */
export interface Client {
  /** The address of its end of the connection. */
  readonly remoteAddr?: { readonly hostname?: string };
}

/** What a proxy adds, so that one knows whom it asks for. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/** Whether only this machine can reach a server that listens on a hostname. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Why a request is refused; `undefined` if it is not.
 *
 * @param request The request.
 * @param client Where it comes from.
 * @param port The port that it must name, where that is known.
 */
export function refusalOf(
  { headers }: Request,
  client: Client | undefined,
  port: number | undefined,
): string | undefined {
  // A server that listens on "::" sees those who come by IPv4 under such addresses.
  const from = client?.remoteAddr?.hostname?.replace(/^::ffff:/, "");
  if (from === undefined || !isLoopback(from)) return "It is for this machine alone.";
  if (FORWARDED.some((name) => headers.has(name))) {
    return "It came over a proxy, which may ask for anybody: open its address yourself.";
  }
  const host = headers.get("host") ?? "";
  const [, name, named] = /^(.*?)(?::(\d+))?$/.exec(host)!;
  if (
    !isLoopback(name.replace(/^\[(.*)\]$/, "$1")) ||
    (port !== undefined && Number(named ?? 80) !== port)
  ) {
    return `It is not at "${host}": open it by 127.0.0.1 or localhost.`;
  }
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site") ?? "none";
  const isForeign = origin !== null && origin !== `http://${host}`;
  if (isForeign || (site !== "same-origin" && site !== "none")) {
    return "Another page asked for it: open its address yourself.";
  }
  return undefined;
}

/** A token that cannot be guessed. */
export function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

/** Whether a request has the token, found out in a time that tells nothing of the token. */
export function hasToken({ headers }: Request, token: string): boolean {
  const given = headers.get("authorization") ?? "";
  const expected = `Bearer ${token}`;
  let difference = given.length ^ expected.length;
  for (let i = 0; i < expected.length; i++) {
    difference |= given.charCodeAt(i) ^ expected.charCodeAt(i);
  }
  return difference === 0;
}
