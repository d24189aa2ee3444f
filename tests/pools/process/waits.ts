/** A program for `Process` that never ends. It says that it is there by a file. */

const [gate] = Deno.args;
Deno.writeTextFileSync(`${gate}.entered`, `${Deno.pid}\n`, { append: true });
setInterval(() => {}, 1000);
