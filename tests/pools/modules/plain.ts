/** A module that has no portable function at all. */
export function job(): void {}
