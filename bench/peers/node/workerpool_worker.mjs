/**
 * What the workers of workerpool run in Node.
 *
 * @module
 */

import workerpool from "npm:workerpool@10.0.3";
import * as jobs from "./jobs.mjs";

workerpool.worker({ ...jobs });
