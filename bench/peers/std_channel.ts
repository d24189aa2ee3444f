/**
 * `Channel` of @std/async, pinned, from npm as in `std_async.ts`. That copy of it imports its deque from a folder whose name has
 * a hyphen where the package has an underscore, so it loads only with a hook that corrects the name.
 *
 * @module
 */

import * as loader from "node:module";

type Resolve = (specifier: string, context: unknown) => unknown;

const { registerHooks } = loader as typeof loader & {
  registerHooks(hooks: {
    resolve(specifier: string, context: unknown, next: Resolve): unknown;
  }): { deregister(): void };
};

const hooks = registerHooks({
  resolve(specifier, context, next) {
    return next(specifier.replace("../data-structures/", "../data_structures/"), context);
  },
});
const { Channel: UntypedChannel } = await import("npm:deno-std@1.4.0/async/channel.js");
hooks.deregister();

interface Channel<T> extends AsyncIterable<T> {
  send(item: T): Promise<void>;
  receive(options?: { signal?: AbortSignal }): Promise<T>;
  trySend(item: T): boolean;
  close(): void;
}

export const Channel: new <T>(options: { capacity: number }) => Channel<T> = UntypedChannel;
