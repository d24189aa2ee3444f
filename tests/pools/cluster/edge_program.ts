/** What runs at the edge in a test: it has nothing but WebSockets, and hands in a job. */
import { ClusterPool } from "../../../pools/cluster/mod.ts";
import { add, fail, forever } from "./jobs.ts";

await using pool = await ClusterPool.connect({
  servers: Deno.args[0],
  modules: { jobs: import.meta.resolve("./jobs.ts") },
});
console.log(await pool.run(add, 20, 22));
console.log(String(await pool.submit(fail, "as there").error()));
const running = pool.submit(forever);
for await (const _ of running.progress) running.cancel("seen");
console.log(String((await running.error() as Error & { reason: unknown }).reason));
