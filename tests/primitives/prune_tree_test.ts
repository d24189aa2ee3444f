import { assertEquals, assertNotStrictEquals } from "@std/assert";
import type { TreeNode } from "../../primitives/inspect.ts";
import { pruneTree } from "../../primitives/prune_tree.ts";

function node(name: string, ...children: TreeNode[]): TreeNode {
  return { kind: "task", name, stopping: false, waitingFor: [], children };
}

Deno.test("pruneTree: what is sought is left, with the ways to it, in its order", () => {
  const deep = node("b", node("c", node("sought 1")), node("d", node("e")));
  const tree = node("root", node("a"), deep, node("sought 2", node("f")), node("g"));
  const before = structuredClone(tree);
  assertEquals(
    pruneTree(tree, ({ name }) => name.startsWith("sought")),
    node("root", node("b", node("c", node("sought 1"))), node("sought 2")),
  );
  assertEquals(tree, before);
});

Deno.test("pruneTree: of a tree in which nothing is sought the root is left", () => {
  const tree = node("root", node("a"));
  const pruned = pruneTree(tree, () => false);
  assertEquals(pruned, node("root"));
  assertNotStrictEquals(pruned, tree);
});

Deno.test("pruneTree: a nest may be deeper than calls can be, and have more branches than arguments", () => {
  let tree = node("sought");
  for (let depth = 0; depth < 100_000; depth++) tree = node("nest", tree);
  let pruned = pruneTree(tree, ({ name }) => name === "sought");
  let depth = 0;
  for (; pruned.children.length > 0; depth++) [pruned] = pruned.children;
  assertEquals([depth, pruned.name], [100_000, "sought"]);
  const wide = { ...node("root"), children: Array.from({ length: 200_000 }, () => node("sought")) };
  assertEquals(pruneTree(wide, ({ name }) => name === "sought").children.length, 200_000);
});
