import { assert, assertEquals } from "@std/assert";
import { STYLE } from "../../../io/inspector/page_style.ts";

/** The colors by their names, each as it is in the light and in the dark. */
function colors(): Map<string, [light: string, dark: string]> {
  const pattern = /--(\w+): light-dark\((#\w+), (#\w+)\)/g;
  return new Map(
    [...STYLE.matchAll(pattern)].map(([, name, light, dark]) => [name, [light, dark]]),
  );
}

/** How bright a color is, from 0 to 1, as the guidelines for accessibility (WCAG 2) define it. */
function luminance(color: string): number {
  const digits = color.length === 4
    ? [...color.slice(1)].map((digit) => digit + digit).join("")
    : color.slice(1);
  const [red, green, blue] = digits.match(/../g)!.map((pair) => {
    const part = parseInt(pair, 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

Deno.test("the page's style: all text can be told from what it stands on, in the light and in the dark", () => {
  assertEquals(contrast("#000", "#fff"), 21);
  const known = colors();
  for (const text of ["text", "dim", "green", "blue", "amber", "red"]) {
    for (const ground of ["ground", "panel", "raised", "alarm"]) {
      for (const [index, mode] of ["light", "dark"].entries()) {
        const ratio = contrast(known.get(text)![index], known.get(ground)![index]);
        assert(ratio >= 4.5, `${text} on ${ground}, ${mode}: ${ratio.toFixed(2)}`);
      }
    }
  }
});
