/**
 * What a request asks for: the values in its query, its body, and the sort of answer it would rather
 * have. Whatever makes no sense is a {@linkcode BadRequest} that says what is wrong.
 *
 * @module
 */

/** A request that makes no sense, in words for its client. */
export class BadRequest extends Error {
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

/** A whole number from the query. */
export function numberFrom(
  url: URL,
  name: string,
  { least, most, otherwise }: { least: number; most: number; otherwise: number },
): number {
  const value = url.searchParams.get(name);
  if (value === null) return otherwise;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw new BadRequest(
    `'${name}' must be a whole number from ${least} to ${most}: received "${value}"`,
  );
}

/** A name from the query. */
export function nameFrom(url: URL, name: string, otherwise: string): string {
  const value = url.searchParams.get(name)?.trim() ?? otherwise;
  if (/^\P{Cc}{1,40}$/u.test(value)) return value;
  throw new BadRequest(
    `'${name}' must be 1 to 40 characters without line breaks: received ${JSON.stringify(value)}`,
  );
}

/** The body as text. No more is read of it than it may have. */
export async function bodyOf(request: Request, most: number): Promise<string> {
  const decoder = new TextDecoder();
  let size = 0;
  let text = "";
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > most) throw new BadRequest(`The body must be ${most} bytes at most`, 413);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/**
 * Which of the offered media types a request would rather have, by its Accept header: the first
 * where it likes several equally.
 */
export function preferred(request: Request, ...offers: string[]): string {
  let best = offers[0];
  let bestQuality = 0;
  for (const range of (request.headers.get("accept") ?? "*/*").split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const offer = offers.find((offer) =>
      type === offer || type === "*/*" || type === offer.replace(/\/.*/, "/*")
    );
    const quality = Number(parameters.find((p) => p.startsWith("q="))?.slice(2) ?? 1);
    if (offer !== undefined && quality > bestQuality) {
      best = offer;
      bestQuality = quality;
    }
  }
  return best;
}
