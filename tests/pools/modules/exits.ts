/** A module that ends its thread when it is loaded. */
Deno.exit(5);
