import { blamesData, EVERY_ROW_REFUSED } from "../clickhouse/index.ts";

/** A row that ClickHouse itself refused, although it passed every check before. */
export interface RefusedRow<Row> {
  readonly row: Row;
  readonly message: string;
}

/** The table takes no row: then it is not the rows. None of them is stored, none is to be given up. */
export class EveryRowRefusedError extends Error {
  override readonly name = "EveryRowRefusedError";
  readonly code = EVERY_ROW_REFUSED;
}

/** As many refused rows without one that was taken raise the doubt whether it is the table; as many more settle it. */
const DOUBTFUL_ROWS = 20;
/** A condition that the shop itself has put on the table: all rows of a batch may fail it. */
const VIOLATED_CONSTRAINT = "469";

/**
 * Inserts rows; where ClickHouse refuses the data, narrows it down by halves, so that only the rows at fault stay out.
 *
 * @throws EveryRowRefusedError when not one row of many is taken, as after a column's type was changed
 * @throws whatever else goes wrong: then nothing is known of the rows, and the same call is to be made again
 */
export async function insertNarrowing<Row extends object>(
  rows: readonly Row[],
  insert: (rows: readonly Row[]) => Promise<void>,
): Promise<RefusedRow<Row>[]> {
  const refused: RefusedRow<Row>[] = [];
  let taken = false;
  /** @returns the error by which the data is refused, `null` when it was taken */
  const attempt = async (part: readonly Row[]): Promise<Error | null> => {
    try {
      await insert(part);
      taken = true;
      return null;
    } catch (error) {
      if (!blamesData(error)) throw error;
      return error as Error;
    }
  };
  const narrow = async (part: readonly Row[]): Promise<void> => {
    const error = await attempt(part);
    if (error === null) return;
    const [only] = part;
    if (part.length === 1 && only !== undefined) {
      refused.push({ row: only, message: error.message });
      const doubtful = !taken && refused.length === DOUBTFUL_ROWS && rows.length > DOUBTFUL_ROWS;
      if (doubtful && codeOf(error) !== VIOLATED_CONSTRAINT) await checkTable();
      return;
    }
    const middle = Math.ceil(part.length / 2);
    await narrow(part.slice(0, middle));
    await narrow(part.slice(middle));
  };
  /** The first rows may be bad in a row: rows from all over the batch tell whether the table takes any. */
  const checkTable = async () => {
    const step = rows.length / DOUBTFUL_ROWS;
    let last: Error | null = null;
    for (let at = rows.length - 1; at >= 0; at -= step) {
      const row = rows[Math.floor(at)];
      if (row !== undefined) last = await attempt([row]);
      if (last === null) return;
    }
    const message = `ClickHouse refuses each row of a batch of ${rows.length}, so it is the table: ${last?.message}`;
    throw new EveryRowRefusedError(message, { cause: last });
  };
  if (rows.length > 0) await narrow(rows);
  return refused;
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}
