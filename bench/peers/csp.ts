/**
 * @thi.ng/csp, pinned: channels after Clojure's core.async.
 *
 * @module
 */

export { type Channel, channel, select } from "npm:@thi.ng/csp@3.2.44";
