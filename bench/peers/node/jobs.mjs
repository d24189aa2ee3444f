/**
 * What the pools are given to do in Node: the jobs of `pool_jobs.ts`, and one more for each pool that gives bytes back by moving
 * them, as each has its own way to say so.
 *
 * @module
 */

import { Piscina } from "npm:piscina@5.3.2";
import { Tinypool } from "npm:tinypool@2.2.0";
import workerpool from "npm:workerpool@10.0.3";

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
