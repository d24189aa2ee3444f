#!/usr/bin/env -S deno run --allow-run=deno --allow-net --allow-read=/tmp --allow-write=/tmp
/**
 * Processes, a queue between them, and a pipe.
 *
 * Of the course: `multiprocessing.Process` with start, join, terminate, daemon, pid, ppid, name,
 * `is_alive`; `multiprocessing.Queue`; `Pipe()` with send and recv at both ends.
 *
 * The functions use nothing of this module, so they travel as they are. Those that do are made
 * `portable`: see `tickets`. A subclass of `Process` with a `run()`, the other way of the course, would
 * not travel: an object that is copied leaves its class behind. A function and its arguments say it all.
 *
 * @module
 */

import { main, Pipe, type PipeEnd, Process, ProcessQueue, taskGroup } from "@grove/grove";

async function lives(): Promise<void> {
  await taskGroup(async () => {
    const hello = new Process(
      (reader: string, parent: number) => {
        console.log(`hello, ${reader}; I was started by this program: ${Deno.ppid === parent}`);
      },
      ["reader", Deno.pid],
      { name: "hello" },
    );
    console.log(`${hello.name}: has a pid ${hello.pid !== undefined}, alive ${hello.isAlive}`);
    hello.start();
    console.log(`${hello.name}: has a pid ${hello.pid !== undefined}, alive ${hello.isAlive}`);
    console.log(`${hello.name}: ended with ${await hello.join()}, alive ${hello.isAlive}`);

    const endless = new Process(function endless() {
      for (;;);
    }).start();
    endless.terminate(); // SIGTERM, and kill() is SIGKILL. It ends with 128 and the signal's number.
    console.log(`${endless.name}: ended with ${await endless.join()}`);
  });
}

async function queue(): Promise<void> {
  using squares = new ProcessQueue<number>(2); // Room for two; then put() waits, there as here.
  await taskGroup(async () => {
    new Process(async (squares: ProcessQueue<number>) => {
      for (let n = 1; n <= 5; n++) await squares.put(n * n);
      await squares.shutdown();
    }, [squares]).start();
    for await (const square of squares) console.log(`from the queue: ${square}`);
  });
}

async function pipe(): Promise<void> {
  const [here, there] = new Pipe<number, string>().ends;
  await taskGroup(async () => {
    new Process(async (end: PipeEnd<string, number>) => {
      for await (const n of end) await end.send("x".repeat(n));
    }, [there]).start();
    for (const n of [1, 2, 3]) {
      await here.send(n);
      console.log(`sent ${n}, received ${await here.receive()}`);
    }
    here.close(); // The loop over the other end is over, and so is its process.
  });
}

await main(async () => {
  await lives();
  await queue();
  await pipe();
});
