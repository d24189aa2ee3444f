/**
 * What a page wants to see of the tree. It stands in the page's own request, so the server keeps
 * nothing of it, and a page whose program was started again goes on where it was.
 *
 * @module
 */

/** See above. */
export interface View {
  /** The nodes that are open though they would not be, by their keys. */
  readonly opened: ReadonlySet<string>;
  /** The nodes that are closed though they would be open. */
  readonly closed: ReadonlySet<string>;
  /** How many children are shown of a node, where it is more than usual. */
  readonly shown: ReadonlyMap<string, number>;
  /** What is looked for, in lower case; "" for nothing. */
  readonly find: string;
  /** The task that is asked about: why it waits. */
  readonly why: number | undefined;
}

/** Reads a view from a query; what makes no sense in it is left out. */
export function viewFrom(query: URLSearchParams): View {
  const why = Number(query.get("why") ?? NaN);
  return {
    opened: new Set(query.getAll("open")),
    closed: new Set(query.getAll("close")),
    shown: new Map(query.getAll("shown").map(countAndKey)),
    find: (query.get("find") ?? "").trim().toLowerCase(),
    why: Number.isSafeInteger(why) ? why : undefined,
  };
}

/** "1000:t12" is a thousand children of "t12". */
function countAndKey(text: string): [key: string, count: number] {
  const colon = text.indexOf(":");
  return [text.slice(colon + 1), Number(text.slice(0, colon)) || 0];
}
