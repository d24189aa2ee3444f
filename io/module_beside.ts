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
