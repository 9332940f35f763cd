/** A row that ClickHouse itself refused, although it passed every check before. */
export interface RefusedRow<Row> {
  readonly row: Row;
  readonly message: string;
}

/**
 * Codes by which ClickHouse says that the data of an insert is at fault, not the server: 6 cannot parse text,
 * 25 escape sequence, 26 quoted string, 27 assertion of input, 41 date time, 53 type mismatch, 69 argument out of bound,
 * 70 cannot convert, 72 number, 117 incorrect data, 131 too large string, 190 sizes of arrays, 321 null for a plain
 * column, 349 the same, 407 decimal overflow, 469 a constraint of the table.
 */
const DATA_CODES = new Set([6, 25, 26, 27, 41, 53, 69, 70, 72, 117, 131, 190, 321, 349, 407, 469]);

function blamesData(error: unknown): boolean {
  return error instanceof Error && "code" in error && DATA_CODES.has(Number(error.code));
}

/**
 * Inserts rows; where ClickHouse refuses the data, narrows it down by halves, so that only the rows at fault stay out.
 *
 * @throws whatever else goes wrong: then nothing is known of the rows, and the same call is to be made again
 */
export async function insertNarrowing<Row extends object>(
  rows: readonly Row[],
  insert: (rows: readonly Row[]) => Promise<void>,
): Promise<RefusedRow<Row>[]> {
  try {
    await insert(rows);
    return [];
  } catch (error) {
    if (!blamesData(error)) throw error;
    const [only] = rows;
    if (rows.length === 1 && only !== undefined) return [{ row: only, message: (error as Error).message }];
    const middle = Math.ceil(rows.length / 2);
    const first = await insertNarrowing(rows.slice(0, middle), insert);
    return [...first, ...(await insertNarrowing(rows.slice(middle), insert))];
  }
}
