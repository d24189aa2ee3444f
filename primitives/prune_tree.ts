/**
 * A part of the tree of tasks: the ways to those that somebody asks about.
 *
 * @module
 */

import type { TreeNode } from "./inspect.ts";

/**
 * The tree without the branches in which nothing is looked for. The root is always there.
 *
 * @param root The whole tree; it stays as it is.
 * @param isSought Whether a node is looked for.
 */
export function pruneTree(root: TreeNode, isSought: (node: TreeNode) => boolean): TreeNode {
  // In a loop: the tree may be deeper than calls can be.
  const parentsFirst = [root];
  for (const node of parentsFirst) {
    for (const child of node.children) parentsFirst.push(child);
  }
  const pruned = new Map<TreeNode, TreeNode>();
  for (const node of parentsFirst.reverse()) {
    const children = node.children.flatMap((child) => pruned.get(child) ?? []);
    if (node === root || children.length > 0 || isSought(node)) {
      pruned.set(node, { ...node, children });
    }
  }
  return pruned.get(root)!;
}
