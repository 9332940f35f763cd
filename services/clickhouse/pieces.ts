/** Parameters travel in the address of a request, of which a server takes 1 MiB (`http_max_uri_size`). */
const MAX_ADDRESS_CHARACTERS = 500_000;
/** Quotes and the comma around a text in a list, as an address has them. */
const AROUND_TEXT = "%27%27%2C".length;

/**
 * Values in pieces, each of which goes into one statement as parameters.
 *
 * @param textsOf what of a value is sent
 * @param most of one piece
 */
export function* inPieces<Value>(
  values: readonly Value[],
  textsOf: (value: Value) => readonly string[],
  most: number,
): Generator<Value[]> {
  let piece: Value[] = [];
  let length = 0;
  for (const value of values) {
    const added = textsOf(value).reduce((sum, text) => sum + AROUND_TEXT + encodedLength(text), 0);
    if (piece.length === most || (piece.length > 0 && length + added > MAX_ADDRESS_CHARACTERS)) {
      yield piece;
      piece = [];
      length = 0;
    }
    piece.push(value);
    length += added;
  }
  if (piece.length > 0) yield piece;
}

/** In an address, where a byte may take three characters, and one that ClickHouse escapes six. */
function encodedLength(text: string): number {
  return /^[\w.-]*$/.test(text) ? text.length : Buffer.byteLength(text) * 6;
}
