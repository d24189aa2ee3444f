/**
 * The responses that are not a handler's own: they say no more than a client needs to know.
 *
 * @module
 */

/** The request makes no sense. */
export function malformed(): Response {
  return new Response("Bad Request", { status: 400 });
}

/** Something failed here. */
export function failed(): Response {
  return new Response("Internal Server Error", { status: 500 });
}

/** There is no room at the moment, and it is worth another try in a second. */
export function busy(): Response {
  return new Response("Service Unavailable", { status: 503, headers: { "retry-after": "1" } });
}

/** It took too long. */
export function late(): Response {
  return new Response("Gateway Timeout", { status: 504 });
}

/** The client went away. Nobody reads it: the number is the one that nginx logs. */
export function gone(): Response {
  return new Response(null, { status: 499 });
}
