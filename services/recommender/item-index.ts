/** A number for each item id, so that models, histories and the catalogue hold four bytes where they would hold text. */
export class ItemIndex {
  readonly #indices = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #json: string[] = [];

  get size(): number {
    return this.#ids.length;
  }

  /** The item's number, given to it now if it has none. */
  intern(id: string): number {
    const known = this.#indices.get(id);
    if (known !== undefined) return known;
    const index = this.#ids.length;
    this.#indices.set(id, index);
    this.#ids.push(id);
    this.#json.push(JSON.stringify(id));
    return index;
  }

  find(id: string): number | undefined {
    return this.#indices.get(id);
  }

  /** @throws RangeError for a number that `intern` never gave */
  id(index: number): string {
    const id = this.#ids[index];
    if (id === undefined) throw new RangeError(`no item has the number ${index}`);
    return id;
  }

  /** The id as JSON text. */
  json(index: number): string {
    return this.#json[index] ?? JSON.stringify(this.id(index));
  }

  /** The order of ids by code unit: the last word wherever two items are equal, the same in every replica. */
  compare(a: number, b: number): number {
    const left = this.id(a);
    const right = this.id(b);
    return left < right ? -1 : left > right ? 1 : 0;
  }
}
