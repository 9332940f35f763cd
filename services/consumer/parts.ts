/** Parameters travel in the address of a request, of which a server takes 1 MiB; percent-encoded, a character may take nine. */
const IDS = 5_000;
const CHARACTERS = 100_000;

/**
 * A list in parts that fit one statement each; an entry that is above the limits by itself is a part of its own.
 *
 * @param idsOf what an entry adds to the statement's parameters
 */
export function* inParts<Entry>(
  entries: Iterable<Entry>,
  idsOf: (entry: Entry) => readonly string[],
): Generator<Entry[]> {
  let part: Entry[] = [];
  let ids = 0;
  let characters = 0;
  for (const entry of entries) {
    const added = idsOf(entry);
    const length = added.reduce((sum, id) => sum + id.length, 0);
    if (part.length > 0 && (ids + added.length > IDS || characters + length > CHARACTERS)) {
      yield part;
      part = [];
      ids = 0;
      characters = 0;
    }
    part.push(entry);
    ids += added.length;
    characters += length;
  }
  if (part.length > 0) yield part;
}
