/**
 * What the tests of `serveOnCores` serve whose worker ends twice: when it is asked to, and while it is
 * loaded for the second time. How often that was is kept in a folder.
 *
 * @module
 */

const lives = `${new URL(import.meta.url).search.slice(1)}/lives`;
Deno.writeTextFileSync(lives, "x", { append: true });
const life = Deno.statSync(lives).size;

if (life === 2) {
  await 0;
  self.close();
  await new Promise(() => {});
}

export default (request: Request): Response => {
  if (request.url.endsWith("/die")) setTimeout(() => self.close());
  return new Response(`life ${life}`);
};
