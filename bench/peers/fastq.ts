/**
 * fastq, pinned: the fastest of the in-memory work queues, used through its promise interface.
 *
 * @module
 */

import fastq from "npm:fastq@1.20.3";

export const promiseQueue = fastq.promise;
