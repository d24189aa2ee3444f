/**
 * What the pools are given to do in Node: the jobs of `pool_jobs.ts`, and one more for each pool that gives bytes back by moving
 * them, as each has its own way to say so.
 *
 * @module
 */

import { Piscina } from "piscina";
import { Tinypool } from "tinypool";
import workerpool from "workerpool";

export function double(n) {
  return n * 2;
}

export function stamp(bytes) {
  bytes[0]++;
  return bytes;
}

export function piscinaMoved(bytes) {
  return Piscina.move(stamp(bytes));
}

export function tinypoolMoved(bytes) {
  return Tinypool.move(stamp(bytes));
}

export function workerpoolMoved(bytes) {
  return new workerpool.Transfer(stamp(bytes), [bytes.buffer]);
}
