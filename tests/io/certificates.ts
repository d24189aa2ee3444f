/**
 * Certificates for tests: how they were made says `certificates/make.sh`.
 *
 * @module
 */

const folder = new URL("certificates/", import.meta.url);

/** The text of one of the files. */
function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`${name}.pem`, folder));
}

/** A certificate for localhost and 127.0.0.1, its key, and who vouches for it. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly authority: string;
}

function identity(name: string): Identity {
  return {
    cert: pem(`${name}.cert`),
    key: pem(`${name}.key`),
    authority: pem(`${name}.authority`),
  };
}

export const FIRST: Identity = identity("first");

/** One that those who trust the first do not trust. */
export const SECOND: Identity = identity("second");
