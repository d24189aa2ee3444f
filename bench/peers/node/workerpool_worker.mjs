/**
 * What the workers of workerpool run in Node.
 *
 * @module
 */

import workerpool from "workerpool";
import * as jobs from "./jobs.mjs";

workerpool.worker({ ...jobs });
