/**
 * What the workers run, where the program is one file for itself: it is bundled along with it.
 *
 * @module
 */

import "@grove/grove/worker";
