/** A module that is never done with loading. */
await new Promise(() => {});
