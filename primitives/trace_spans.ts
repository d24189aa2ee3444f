/**
 * Spans of OpenTelemetry for tasks.
 *
 * Grove does not load `@opentelemetry/api`: whoever wants spans has it, and hands it over. So the
 * types here are those parts of it that are used.
 *
 * @module
 */

import { checkFunction, checkOptions, show } from "./kernel/check.ts";
import type { Task } from "./kernel/task.ts";
import { poll } from "./kernel/wait.ts";
import { instrument } from "./instrument.ts";

/** What is used of a span. */
export interface TelemetrySpan {
  /** Adds a fact. */
  setAttribute(key: string, value: string | number): unknown;
  /** Says how it has ended: 2 is an error. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** Adds an error. */
  recordException(error: string | Error): unknown;
  /** Ends it. */
  end(): void;
}

/**
 * What is used of the module `@opentelemetry/api`.
 *
 * @typeParam C Its contexts.
 * @typeParam S Its spans.
 */
export interface TelemetryApi<C, S extends TelemetrySpan> {
  /** Its part for traces. */
  readonly trace: {
    /** Gives what makes spans. */
    getTracer(name: string): {
      /** Begins a span, in a context. */
      startSpan(name: string, options: object | undefined, context: C): S;
    };
    /** Makes a context with a span. */
    setSpan(context: C, span: S): C;
  };
  /** Its part for contexts. */
  readonly context: {
    /** The context of the code that runs. */
    active(): C;
    /** Calls a function in a context. */
    with(context: C, fn: () => void): unknown;
  };
}

/** What {@linkcode traceSpans} can be told. */
export interface SpanOptions {
  /** Which tasks get a span; what the others do belongs to the span around. Default: all. */
  filter?: (task: Task) => boolean;
}

interface Traced<C, S> {
  readonly span: S;
  readonly context: C;
}

/**
 * Makes a span of OpenTelemetry for each task, from its spawning to its end, in the span that is
 * current where it is spawned. In the task it is the current one itself: so the spans of what the
 * task calls, those of `fetch` in Deno for instance, are in it. A task that fails has the error in
 * its span; how it has ended is its attribute `grove.task.state`.
 *
 * @typeParam C The contexts of the API.
 * @typeParam S The spans of the API.
 * @param api The module `@opentelemetry/api`.
 * @param options `filter`, which says what tasks get spans.
 * @returns What ends it: `using`, or `[Symbol.dispose]()`. Spans that are open end then.
 * @throws {TypeError} When it is not that module, or `filter` is no function.
 *
 * @example With Deno's own exporter: `OTEL_DENO=true deno run …`
 * ```ts ignore
 * import { main, taskGroup, traceSpans } from "@grove/grove";
 * import * as telemetry from "npm:@opentelemetry/api@1";
 *
 * using _ = traceSpans(telemetry);
 * await main(() =>
 *   taskGroup((group) => {
 *     group.spawn(() => fetch("http://127.0.0.1:8000/"), { name: "ask" });
 *   })
 * );
 * ```
 */
export function traceSpans<C, S extends TelemetrySpan>(
  api: TelemetryApi<C, S>,
  options: SpanOptions = {},
): Disposable {
  const action = "trace the tasks by spans";
  if (typeof api?.trace?.getTracer !== "function" || typeof api.context?.with !== "function") {
    throw new TypeError(
      `Cannot ${action} as the first argument must be the module @opentelemetry/api: received ${
        show(api)
      }`,
    );
  }
  checkOptions(options, action);
  const { filter } = options;
  if (filter !== undefined) checkFunction(filter, action, "'filter'");
  const { trace, context } = api;
  const tracer = trace.getTracer("grove");
  const open = new Map<Task, Traced<C, S>>();
  const installed = instrument({
    spawned: (task) => {
      if (filter?.(task) === false) return;
      const around = context.active();
      const attributes = { "grove.task.id": task.id };
      const span = tracer.startSpan(task.name, { attributes }, around);
      open.set(task, { span, context: trace.setSpan(around, span) });
    },
    around: (task, run) => {
      const mine = open.get(task)?.context;
      if (mine === undefined) run();
      else context.with(mine, run);
    },
    exited: (task) => {
      const span = open.get(task)?.span;
      if (span === undefined) return;
      open.delete(task);
      span.setAttribute("grove.task.state", task.state);
      if (task.state === "failed") fail(span, errorOf(task));
      span.end();
    },
  });
  return {
    [Symbol.dispose]() {
      installed[Symbol.dispose]();
      for (const { span } of open.values()) span.end();
      open.clear();
    },
  };
}

function fail(span: TelemetrySpan, error: unknown): void {
  const known = error instanceof Error ? error : typeof error === "string" ? error : show(error);
  span.recordException(known);
  span.setStatus({ code: 2, message: typeof known === "string" ? known : known.message });
}

function errorOf(task: Task): unknown {
  try {
    return task[poll]();
  } catch (error) {
    return error;
  }
}
