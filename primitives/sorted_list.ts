/**
 * A list that keeps its items in ascending order, equal ones in the order in which they came: what
 * a priority queue stands on. It is a B+ tree that is left at its left edge only, so nothing is
 * ever merged: a node that has run dry is dropped.
 *
 * Guarantees that items are compared in `insert` alone, and there before the first change: a
 * `compare` that throws leaves the list exactly as it was, and `shift` cannot fail. That is why
 * this is no heap. A heap compares an item with a few others when it comes and with more of them
 * when something leaves, so two that cannot be compared are found out in the hands of whoever takes
 * the next item, with the heap half repaired. Here an item has been compared with both of its
 * neighbors-to-be, so one that cannot be told from an equal other is always turned away at the
 * door. It also spares the sequence numbers with which a heap keeps equal items in order.
 *
 * @module
 */

import { show } from "./kernel/check.ts";
import { keepShape } from "./kernel/shapes.ts";

/** The most items in a leaf, and the most children of an inner node. */
const FULL = 64;
const HALF = FULL / 2;

/** A sorted list whose smallest item can be taken. */
export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  #root: Node<T> = new Node<T>([], null);
  /** The leaf at the left edge, and that at the right edge. */
  #first: Node<T> = this.#root;
  #last: Node<T> = this.#root;
  #size = 0;

  /**
   * Makes an empty list.
   *
   * @param compare Returns a number below zero when `a` comes before `b`, above zero when it comes
   * after, and zero when they are equal. It must not change the list.
   */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
    this.#first.low = 0;
  }

  /** How many items there are. */
  get size(): number {
    return this.#size;
  }

  /** The smallest item, of equal ones the eldest. There has to be one. */
  get first(): T {
    return this.#first.items[this.#first.low];
  }

  /** Adds an item behind all that are smaller or equal. */
  insert(item: T): void {
    const { items } = this.#last;
    // First the largest item: where priorities are all equal, or times that increase, that is all.
    if (this.#size === 0 || !this.#isBefore(item, items[items.length - 1])) {
      this.#append(item);
    } else {
      this.#insertBeforeLast(item);
    }
    this.#size++;
  }

  /** Takes the smallest item, of equal ones the eldest. There has to be one. Compares nothing. */
  shift(): T {
    const leaf = this.#first;
    const { items, low } = leaf;
    const item = items[low];
    items[low] = undefined as T;
    leaf.low = low + 1;
    if (--this.#size > 0 && low + 1 === items.length) this.#dropFirst();
    return item;
  }

  /** Forgets all items, however many, in one step. */
  clear(): void {
    this.#root = this.#first = this.#last = new Node<T>([], null);
    this.#first.low = 0;
    this.#size = 0;
  }

  #insertBeforeLast(item: T): void {
    const compare = this.#compare;
    let node = this.#root;
    for (;;) {
      const { items, children } = node;
      let low = node.low;
      let high = items.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        const order = compare(item, items[middle]);
        if (order < 0) high = middle;
        else if (order >= 0 && typeof order !== "boolean") low = middle + 1;
        else throw orderError(order);
      }
      if (children === null) {
        this.#insertInto(node, low, item);
        return;
      }
      node = children[low - 1];
    }
  }

  #isBefore(item: T, other: T): boolean {
    const compare = this.#compare;
    const order = compare(item, other);
    if (order < 0) return true;
    // A `compare` that answers with `a > b` finds all equal that are not.
    if (order >= 0 && typeof order !== "boolean") return false;
    throw orderError(order);
  }

  #append(item: T): void {
    const leaf = this.#last;
    const { items } = leaf;
    if (items.length < FULL) {
      items.push(item);
    } else if (leaf === this.#first && leaf.low >= HALF) {
      items.splice(0, leaf.low);
      leaf.low = 0;
      items.push(item);
    } else {
      // Nothing moves over: what comes in ascending order leaves full leaves behind.
      this.#addSibling(leaf, new Node<T>([item], null), item);
    }
  }

  #insertInto(leaf: Node<T>, place: number, item: T): void {
    let { items } = leaf;
    const { low } = leaf;
    // The first leaf has room on the left for all that was taken from it.
    const nearer = place - low < items.length - place;
    if (leaf === this.#first && low > 0 && (nearer || items.length === FULL)) {
      for (let i = low; i < place; i++) items[i - 1] = items[i];
      items[place - 1] = item;
      leaf.low = low - 1;
      return;
    }
    if (items.length === FULL) {
      const right = items.splice(HALF);
      this.#addSibling(leaf, new Node<T>(right, null), right[0]);
      if (place > HALF) {
        items = right;
        place -= HALF;
      }
    }
    let i = items.length;
    items.push(item);
    for (; i > place; i--) items[i] = items[i - 1];
    items[place] = item;
  }

  /** Puts `sibling`, whose smallest item is `smallest`, to the right of `node`. */
  #addSibling(node: Node<T>, sibling: Node<T>, smallest: T): void {
    if (node === this.#last) this.#last = sibling;
    const { parent } = node;
    if (parent === null) {
      this.#root = new Node<T>([undefined as T, smallest], [node, sibling]);
      return;
    }
    const { items, children } = parent as Inner<T>;
    const place = children.indexOf(node) + 1;
    items.splice(place, 0, smallest);
    children.splice(place, 0, sibling);
    sibling.parent = parent;
    if (children.length <= FULL) return;
    const from = place === FULL ? FULL : HALF;
    const right = items.splice(from);
    const middle = right[0];
    right[0] = undefined as T;
    this.#addSibling(parent, new Node<T>(right, children.splice(from)), middle);
  }

  /** Drops the first leaf, which has run dry, and all above it that had no other child. */
  #dropFirst(): void {
    let parent = this.#first.parent as Inner<T>;
    while (parent.children.length === 1) parent = parent.parent as Inner<T>;
    parent.children.shift();
    parent.items.shift();
    parent.items[0] = undefined as T;
    let root = this.#root;
    while (root.children?.length === 1) root = root.children[0];
    root.parent = null;
    this.#root = root;
    while (root.children !== null) root = root.children[0];
    root.low = 0;
    this.#first = root;
  }
}

/** A leaf, or a node above leaves. */
class Node<T> {
  /**
   * In a leaf, the items. In an inner node, the smallest item below each child: that item cannot
   * leave before the child is the first one, and the first one's is never looked at and not kept.
   */
  readonly items: T[];
  readonly children: Node<T>[] | null;
  parent: Node<T> | null = null;
  /**
   * The least place that an item can go to. That is 1, as whoever gets here has been compared with
   * the smallest item on the way, and only in the first leaf the place of the list's first item.
   */
  low = 1;

  constructor(items: T[], children: Node<T>[] | null) {
    this.items = items;
    this.children = children;
    if (children === null) return;
    for (const child of children) child.parent = this;
  }
}

interface Inner<T> extends Node<T> {
  readonly children: Node<T>[];
}

function orderError(order: unknown): TypeError {
  return new TypeError(
    `Cannot insert the item as 'compare' must return a number: received ${
      show(order)
    }. Return a negative number, zero or a positive number for any two items`,
  );
}

keepShape(new SortedList<unknown>(() => 0));
keepShape(new Node<unknown>([undefined], [new Node<unknown>([undefined], null)]));
