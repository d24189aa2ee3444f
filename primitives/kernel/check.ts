/**
 * The checks of what callers hand in, so that a bad argument is an error at the call, before
 * anything has happened, and reads the same everywhere: "Cannot <do what> as <which> must be …:
 * received …".
 *
 * @module
 */

/** Asks for a function. */
export function checkFunction(fn: unknown, action: string, what: string): void {
  if (typeof fn === "function") return;
  const hint = fn instanceof Promise
    ? ". Pass the function itself, not the promise of a call already made: () => work()"
    : "";
  throw new TypeError(
    `Cannot ${action} as ${what} must be a function: received ${show(fn)}${hint}`,
  );
}

/**
 * Asks for a time in milliseconds: not negative, not NaN. `Infinity` stands for "no limit" where
 * `endless` allows it.
 */
export function checkTime(ms: unknown, action: string, what: string, endless = true): void {
  if (typeof ms !== "number") {
    throw new TypeError(
      `Cannot ${action} as ${what} must be a number of milliseconds: received ${show(ms)}`,
    );
  }
  if (!(ms >= 0) || (!endless && ms === Infinity)) {
    throw new RangeError(
      `Cannot ${action} as ${what} must be zero or more${
        endless ? "" : " and finite"
      }, in milliseconds: received ${ms}`,
    );
  }
}

/**
 * Asks for a moment in time: a valid `Date`, or milliseconds since 1970, and returns the latter.
 */
export function checkDate(date: unknown, action: string, what: string): number {
  const time = date instanceof Date ? date.getTime() : date;
  if (typeof time !== "number") {
    throw new TypeError(
      `Cannot ${action} as ${what} must be a Date or milliseconds since 1970: received ${
        show(date)
      }`,
    );
  }
  if (Number.isNaN(time)) {
    throw new RangeError(`Cannot ${action} as ${what} must be a valid date: received ${date}`);
  }
  return time;
}

/**
 * Asks for a count: a whole number from `least` up, or `Infinity` where `endless` allows it.
 */
export function checkCount(
  count: unknown,
  action: string,
  what: string,
  least: number,
  endless = true,
): void {
  if (typeof count !== "number") {
    throw new TypeError(`Cannot ${action} as ${what} must be a number: received ${show(count)}`);
  }
  if (!(count >= least) || !(Number.isInteger(count) || (endless && count === Infinity))) {
    throw new RangeError(
      `Cannot ${action} as ${what} must be a whole number from ${least} up${
        endless ? ", or Infinity" : ""
      }: received ${count}`,
    );
  }
}

/** Asks for an object of options. */
export function checkOptions(options: unknown, action: string): void {
  if (typeof options === "object" && options !== null) return;
  throw new TypeError(
    `Cannot ${action} as the options must be an object: received ${show(options)}`,
  );
}

/** Asks for `true` or `false`. */
export function checkBoolean(value: unknown, action: string, what: string): void {
  if (typeof value === "boolean") return;
  throw new TypeError(`Cannot ${action} as ${what} must be a boolean: received ${show(value)}`);
}

/** Asks for an `AbortSignal`, of this realm or another. */
export function checkSignal(signal: unknown, action: string): void {
  if (
    signal instanceof AbortSignal ||
    (typeof signal === "object" && signal !== null && "aborted" in signal &&
      typeof (signal as AbortSignal).addEventListener === "function")
  ) return;
  throw new TypeError(
    `Cannot ${action} as 'signal' must be an AbortSignal: received ${show(signal)}${
      signal instanceof AbortController ? ". Pass its 'signal'" : ""
    }`,
  );
}

/** A value as an error message shows it: short, and never the cause of another error. */
export function show(value: unknown): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > 40 ? value.slice(0, 40) + "…" : value);
    case "function":
      return `the function ${value.name || "(anonymous)"}`;
    case "object": {
      const name = Object.getPrototypeOf(value)?.constructor?.name;
      if (typeof name !== "string" || name === "Object") return "an object";
      return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
    }
    case "bigint":
      return `${value}n`;
    default:
      return String(value);
  }
}
