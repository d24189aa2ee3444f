/**
 * What a row of the benchmark is: the same work done by several contenders, one of which is the floor. The harness runs
 * rows, the table prints them, the files beside this one define them. A contender knows how to take one sample of itself;
 * `clock.ts` makes contenders whose samples are times and `memory.ts` those whose samples are bytes, so nothing else cares
 * which it is.
 *
 * @module
 */
/** What the figures of a row are: nanoseconds an operation, or bytes of heap a thing. Smaller is better in both. */
export type Unit = "ns" | "bytes";

export interface Contender {
  /** "floor", "grove", or the peer as its documentation calls it. Unique in its row. */
  readonly name: string;
  /** Takes one sample: does the work `repeats` times over and resolves to the figure of one operation. */
  sample(repeats: number): Promise<number>;
  /** Ends what it keeps between its samples. */
  end?(): Promise<void>;
  /** Printed under the table: what a reader must know to compare this line, such as a smaller number of children. */
  readonly note?: string;
}

/**
 * Meant for `subject` (grove unless named): at most `times` the figure of contender `of`, or at most so many nanoseconds or
 * bytes.
 */
export type Goal =
  & { readonly subject?: string; readonly stretch?: string }
  & (
    | { readonly times: number; readonly of: string }
    | { readonly ns: number }
    | { readonly bytes: number }
  );

export interface Row {
  /** How the row is named on the command line. */
  readonly id: string;
  /** One line: what one operation is. */
  readonly title: string;
  readonly unit: Unit;
  /** Exactly one of them is called "floor". */
  readonly contenders: readonly Contender[];
  readonly goals: readonly Goal[];
  /** A run of any contender is so long that it warms itself up: no warm-up, and one run is a sample. */
  readonly long?: boolean;
}

/** The samples of one contender; the same index is the same round in every contender of the row. */
export interface Samples {
  readonly contender: string;
  readonly values: readonly number[];
  readonly note?: string;
}

/** What a row's process hands back: everything needed to print it, and nothing computed yet. */
export interface RowResult {
  readonly row: string;
  readonly title: string;
  readonly unit: Unit;
  readonly samples: readonly Samples[];
  readonly goals: readonly Goal[];
}
