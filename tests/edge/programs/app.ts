/**
 * The HTTP part of the demonstration server without a server: its handler is called, and what it
 * answers printed as JSON.
 *
 * @module
 */

import app from "../../../examples/serve/main.ts";
import { askApp, chat } from "./app_answers.ts";

const ask = (path: string, init?: RequestInit) =>
  app.fetch(new Request(`https://edge.example${path}`, init));
console.log(JSON.stringify({ answers: await askApp(ask), events: await chat(ask) }));
