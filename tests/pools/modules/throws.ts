/** A module that throws when it is loaded. */
throw new RangeError("this module cannot be loaded");
