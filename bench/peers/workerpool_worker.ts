/**
 * What the workers of workerpool run.
 *
 * @module
 */

import * as jobs from "../pool_jobs.ts";
import { workerpool } from "./workerpool.ts";

workerpool.worker({ ...jobs });
