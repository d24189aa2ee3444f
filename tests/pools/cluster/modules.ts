/** The list of modules for workers in processes of their own. */
export const modules = { jobs: import.meta.resolve("./jobs.ts") };
