/**
 * Spans of OpenTelemetry, as Deno's own exporter sends them to a receiver.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { sleep, taskGroup, type TelemetryApi, type TelemetrySpan, traceSpans } from "../../mod.ts";
import { hooks } from "../../primitives/kernel/hooks.ts";
import { program } from "../io/program.ts";

/** A span, as it is sent by OTLP in JSON. */
interface SentSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly events: readonly { name: string }[];
  readonly status: { readonly code: number; readonly message: string };
}

/** Runs a program with Deno's exporter, and gives the spans that came of it, by name. */
async function spansOf(source: string): Promise<Map<string, SentSpan>> {
  const spans = new Map<string, SentSpan>();
  const receiver = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const sent = await request.json();
      for (const resource of sent.resourceSpans ?? []) {
        for (const scope of resource.scopeSpans) {
          for (const span of scope.spans) spans.set(span.name, span);
        }
      }
      return Response.json({});
    },
  );
  try {
    await using run = await program(
      `import * as telemetry from "npm:@opentelemetry/api@1.9.0";\n${source}`,
      {
        flags: ["--allow-net=127.0.0.1"],
        env: {
          OTEL_DENO: "true",
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.addr.port}`,
          OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        },
      },
    );
    const { code, stderr } = await run.end();
    assertEquals([code, stderr.replaceAll(/^(Download|Check).*\n/gm, "")], [0, ""]);
  } finally {
    await receiver.shutdown();
  }
  return spans;
}

Deno.test("traceSpans() sends a span for each task, in that of the task it was spawned in", async () => {
  const spans = await spansOf(`
    using _ = grove.traceSpans(telemetry);
    await grove.taskGroup(async (group) => {
      const outer = group.spawn(async () => {
        await grove.sleep(1);
        await grove.taskGroup((inner) => {
          inner.spawn(async () => {
            await grove.sleep(1);
            telemetry.trace.getTracer("app").startSpan("own").end();
            const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response());
            await (await fetch("http://127.0.0.1:" + server.addr.port)).text();
            await server.shutdown();
          }, { name: "inner" });
        });
      }, { name: "outer" });
      const bad = group.spawn(async function bad() {
        await grove.sleep(1);
        throw new TypeError("boom");
      });
      const cutShort = group.spawn(() => grove.sleep(Infinity), { name: "cut short" });
      await Promise.allSettled([outer, bad]);
      cutShort.cancel();
    }, { onFailure: "continue" }).catch(() => {});
  `);
  const [outer, inner, own, get, bad] = ["outer", "inner", "own", "GET", "bad"].map((name) =>
    spans.get(name)!
  );
  assertEquals(inner.parentSpanId, outer.spanId);
  assertEquals(own.parentSpanId, inner.spanId, "what the task makes itself is in its span");
  assertEquals(get.parentSpanId, inner.spanId, "and so is what the platform makes for it");
  assertEquals(new Set([outer, inner, own, get].map(({ traceId }) => traceId)).size, 1);
  assert(BigInt(outer.endTimeUnixNano) >= BigInt(inner.endTimeUnixNano));
  const stateOf = ({ attributes }: SentSpan) =>
    attributes.find(({ key }) => key === "grove.task.state")?.value.stringValue;
  assertEquals(["outer", "bad", "cut short"].map((name) => stateOf(spans.get(name)!)), [
    "succeeded",
    "failed",
    "cancelled",
  ]);
  assertEquals(bad.status, { code: 2, message: "boom" });
  assertEquals(bad.events.map(({ name }) => name), ["exception"]);
  assertEquals(spans.get("cut short")!.status.code, 0, "to be cancelled is no error");
});

/** An API that writes down what is done with it; a context is the list of the spans around. */
function recorder() {
  const log: string[] = [];
  let active: string[] = [];
  const api: TelemetryApi<string[], TelemetrySpan & { name: string }> = {
    trace: {
      getTracer: () => ({
        startSpan: (name, _options, context) => {
          log.push(`${[...context, name].join("/")} begins`);
          return {
            name,
            setAttribute: () => {},
            setStatus: ({ message }) => log.push(`${name} fails: ${message}`),
            recordException: () => {},
            end: () => log.push(`${name} ends`),
          };
        },
      }),
      setSpan: (context, { name }) => [...context, name],
    },
    context: {
      active: () => active,
      with: (context, fn) => {
        const before = active;
        active = context;
        fn();
        active = before;
      },
    },
  };
  return { log, api };
}

Deno.test("traceSpans() leaves out what its filter does, and what that spawns is in the span around", async () => {
  const { log, api } = recorder();
  using _ = traceSpans(api, { filter: ({ name }) => name !== "small" });
  await taskGroup((group) => {
    group.spawn(() =>
      taskGroup((group) => {
        group.spawn(() => taskGroup((group) => void group.spawn(() => {}, { name: "leaf" })), {
          name: "small",
        });
      }), { name: "large" });
  });
  assertEquals(log, ["large begins", "large/leaf begins", "leaf ends", "large ends"]);
});

Deno.test("traceSpans() sends what is thrown that is no error, and is over when it is disposed of", async () => {
  const { log, api } = recorder();
  await taskGroup(async (group) => {
    const spans = traceSpans(api);
    const gate = Promise.withResolvers<void>();
    group.spawn(async () => {
      await gate.promise;
      await Promise.reject("a string");
    }, { name: "a" });
    gate.resolve();
    await group.tasks[0].join();
    group.spawn(() => Promise.reject(Object.create(null)), { name: "b" });
    await group.tasks[0]?.join();
    const open = group.spawn(() => sleep(Infinity), { name: "open" });
    spans[Symbol.dispose]();
    spans[Symbol.dispose]();
    log.push("over");
    open.cancel();
    group.spawn(() => {}, { name: "later" });
  }, { onFailure: "continue" }).catch(() => {});
  assertEquals(log, [
    "a begins",
    "a fails: a string",
    "a ends",
    "b begins",
    "b fails: an object",
    "b ends",
    "open begins",
    "open ends",
    "over",
  ]);
  assertEquals(hooks, null);
});

Deno.test("E1: traceSpans() refuses what is not the API", () => {
  assertThrows(
    () => traceSpans({} as unknown as TelemetryApi<unknown, TelemetrySpan>),
    TypeError,
    "Cannot trace the tasks by spans as the first argument must be the module @opentelemetry/api",
  );
  assertThrows(
    () => traceSpans(recorder().api, { filter: true as unknown as () => boolean }),
    TypeError,
    "'filter' must be a function",
  );
  assertEquals(hooks, null);
});
