/**
 * Says hello to the server at a port, which it is called with, and prints what that answers.
 *
 * @module
 */

import process from "node:process";
import { hello } from "./hello.ts";

console.log(JSON.stringify(await hello(Number(process.argv[2]))));
