/** How many places may be free at the front before what follows moves up. */
const SLACK = 1_024;

/** First in, first out, in constant time each. */
export class Fifo<T> implements Iterable<T> {
  private items: T[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  get first(): T | undefined {
    return this.items[this.head];
  }

  get last(): T | undefined {
    return this.length === 0 ? undefined : this.items.at(-1);
  }

  push(item: T): void {
    this.items.push(item);
  }

  shift(): T | undefined {
    const item = this.items[this.head];
    if (this.length === 0) return undefined;
    this.items[this.head] = undefined as T; // nothing is kept alive by a free place
    this.head += 1;
    if (this.head >= SLACK && this.head * 2 >= this.items.length) this.keep(() => true);
    return item;
  }

  keep(wanted: (item: T) => boolean): void {
    this.items = this.items.slice(this.head).filter(wanted);
    this.head = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.head; i < this.items.length; i += 1) yield this.items[i]!;
  }
}
