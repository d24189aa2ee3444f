/**
 * What a row's samples look like to a reader: lines for `--json`, and a table that people can read, with the goals of the
 * row under it and whether they were reached.
 *
 * @module
 */

import type { Goal, RowResult, Samples, Unit } from "./row.ts";
import { median, ratios, spread } from "./statistics.ts";

/** One object of the array that `--json` prints: `ns` in rows of times, `bytes` in rows of bytes. */
export type Line =
  & { readonly row: string; readonly contender: string }
  & ({ readonly ns: number } | { readonly bytes: number })
  & { readonly ratio: number; readonly spread: number };

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function samplesOf(result: RowResult, contender: string): Samples {
  const found = result.samples.find((samples) => samples.contender === contender);
  if (found === undefined) {
    throw new Error(`Cannot compare with ${contender} as row ${result.row} has no such contender`);
  }
  return found;
}

/** The figures of a row, a line a contender. */
export function linesOf(result: RowResult): Line[] {
  const floor = samplesOf(result, "floor").values;
  return result.samples.map(({ contender, values }) => {
    const toFloor = ratios(values, floor);
    return {
      row: result.row,
      contender,
      ...figure(result.unit, round(median(values), 2)),
      ratio: round(median(toFloor), 3),
      spread: round(spread(contender === "floor" ? values : toFloor), 3),
    };
  });
}

function figure(unit: Unit, value: number): { ns: number } | { bytes: number } {
  return unit === "ns" ? { ns: value } : { bytes: value };
}

/** One sentence a goal: what was meant, what came out. */
export function goalLine(result: RowResult, goal: Goal): string {
  const subject = goal.subject ?? "grove";
  const { values } = samplesOf(result, subject);
  const kind = goal.stretch === undefined ? "goal" : `stretch goal (${goal.stretch})`;
  const line = (limit: number, shown: string, reached: number, figure: string) =>
    `${kind}: ${subject} ≤ ${shown}: ${figure}, ${reached <= limit ? "reached" : "NOT REACHED"}`;
  if ("times" in goal) {
    const times = median(ratios(values, samplesOf(result, goal.of).values));
    const digits = times < 0.1 ? 3 : 2;
    return line(goal.times, `${goal.times} × ${goal.of}`, times, times.toFixed(digits));
  }
  const reached = median(values);
  const [limit, unit] = "ns" in goal ? [goal.ns, "ns"] : [goal.bytes, "bytes"];
  return line(limit, `${count(limit)} ${unit}`, reached, count(reached));
}

function count(value: number): string {
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 1000 ? 1 : 0;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** The row as aligned text. */
export function tableOf(result: RowResult): string {
  const unit = result.unit === "ns" ? "ns/op" : "bytes";
  const cells = [
    ["contender", unit, "× floor", "spread"],
    ...linesOf(result).map((line) => [
      line.contender,
      count("ns" in line ? line.ns : line.bytes),
      line.ratio.toFixed(2),
      `${(line.spread * 100).toFixed(0)} %`,
    ]),
  ];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const body = cells.map((row) =>
    "  " +
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i] + 2)).join("")
  );
  const notes = result.samples.flatMap(({ contender, note }) =>
    note === undefined ? [] : [`  note: ${contender}: ${note}`]
  );
  const rounds = result.samples[0].values.length;
  return [
    `${result.row}: ${result.title} (${rounds} rounds)`,
    ...body,
    ...notes,
    ...result.goals.map((goal) => `  ${goalLine(result, goal)}`),
  ].join("\n");
}
