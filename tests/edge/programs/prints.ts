/**
 * Takes the tour, then tries what may be missing, and prints as JSON what both came to.
 *
 * @module
 */

import { missing } from "./missing.ts";
import { tour } from "./tour.ts";

console.log(JSON.stringify({ tour: await tour(), missing: await missing() }));
