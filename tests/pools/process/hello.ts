/** A program for `Process`: it writes what it was started with to the file that it is told, and exits. */

const [file, code] = Deno.args;
Deno.writeTextFileSync(file, `${JSON.stringify({ args: Deno.args, cwd: Deno.cwd() })}\n`);
Deno.exit(Number(code));
