/**
 * What the processes of poolifier run in Node.
 *
 * @module
 */

import { ClusterWorker } from "npm:poolifier@5.3.2";
import { double } from "./jobs.mjs";

export default new ClusterWorker({ double });
