/**
 * What the processes of poolifier run in Node. No ES module: they would never answer.
 *
 * @module
 */

const { ClusterWorker } = require("npm:poolifier@5.3.2");

module.exports = new ClusterWorker({ double: (n) => n * 2 });
