/**
 * Where the modules are that workers and processes run: beside those that start them.
 *
 * They have names that nobody else gives. In a bundle "beside" is where the bundle lies, and a
 * `main.js` there would be the program itself, which so would start itself over and over.
 *
 * @module
 */

/**
 * The URL of a module of Grove's.
 *
 * @param url The URL of a module in the same folder.
 * @param name The name of the module, without the ending: that is ".js" in a bundle, and in the
 * package for npm.
 */
export function moduleBeside(url: string, name: string): URL {
  return new URL(`./${name}${url.slice(url.lastIndexOf("."))}`, url);
}

/**
 * What to do about a module that was not found there, as a sentence behind the platform's message; ""
 * where something else is wrong.
 *
 * @param message What the platform says.
 * @param module The URL that was looked for.
 * @param entry The entry of the package that the module is.
 */
export function cureForMissing(message: string, module: URL, entry: string): string {
  if (!message.startsWith(`Module not found "${module.href}"`)) return "";
  const name = module.pathname.slice(module.pathname.lastIndexOf("/") + 1);
  return ` In a bundle, leave @grove/grove out as external, or bundle @grove/grove/${entry} too, as ${name} beside the program`;
}
