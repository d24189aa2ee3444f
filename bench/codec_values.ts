/**
 * What the rows of `codec.ts` make bytes of, here and in the processes of their own that some contenders have.
 *
 * @module
 */

const mixed = {
  id: 123456,
  uuid: "3f2b1c9e-8f5a-4f7e-9c1d-2b7a6e5d4c3b",
  name: "Ada Lovelace",
  email: "ada@example.com",
  active: true,
  score: 98.6,
  tags: ["math", "engine", "poetry", "notes"],
  address: { street: "12 St James's Square", city: "London", geo: { lat: 51.5074, lon: -0.1278 } },
  history: [
    { at: 1700000000000, what: "created", by: "system" },
    { at: 1700000100000, what: "updated", by: "ada" },
    { at: 1700000200000, what: "verified", by: "charles" },
  ],
  text: "They are in the habit of forming new combinations. ".repeat(8),
  counts: [1, 22, 333, 4444, 55555, 666666, 7777777],
  none: null,
  flags: { a: true, b: false, c: true },
};

/** See above. */
export const VALUES = {
  small: { id: 17, name: "widget", list: [1, 2, 3, 4, 5] },
  mixed,
  rich: {
    ...mixed,
    date: new Date(1.7e12),
    map: new Map([["x", 1], ["y", 2]]),
    bytes: new Uint8Array(64),
    large: 123456789012345n,
  },
};

/** The name of one of them. */
export type ValueName = keyof typeof VALUES;
