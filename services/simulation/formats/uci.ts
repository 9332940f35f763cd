import type { ClickHouse } from "../../clickhouse/index.ts";
import type { ShopEvent } from "../events.ts";
import { type LineFormat, sqlTime } from "./format.ts";

/**
 * Rows of UCI Online Retail as JSON lines, from which writeUciParquet makes the file. Purchases and refunds; a refund's
 * invoice begins with C and its quantity is negative; visitors without a user have no CustomerID.
 */
export const UCI_ROWS: LineFormat = {
  accepts: ({ event }) => event === "purchase" || event === "refund",
  *lines(events) {
    for (const event of events) yield JSON.stringify(row(event));
  },
};

function row({ event, orderId, item, quantity, occurredAt, userId, visitor }: ShopEvent): object {
  const isRefund = event === "refund";
  return {
    InvoiceNo: isRefund ? `C${orderId}` : orderId,
    StockCode: item.itemId,
    Description: item.name.toUpperCase(),
    Quantity: isRefund ? -quantity : quantity,
    InvoiceDate: sqlTime(occurredAt),
    UnitPrice: item.price,
    CustomerID: userId === "" ? null : Number(userId),
    Country: visitor.country,
  };
}

/** One thread, one writer: the order of rows and the bytes do not depend on the machine. */
const WRITE_PARQUET = `
  INSERT INTO FUNCTION file({parquetPath:String}, 'Parquet', {columns:String})
  SELECT * FROM file({rowsPath:String}, 'JSONEachRow', {columns:String})
  SETTINGS max_threads = 1, max_insert_threads = 1, input_format_parallel_parsing = 0,
           output_format_parquet_parallel_encoding = 0, engine_file_truncate_on_insert = 1`;

const COLUMNS = `InvoiceNo String, StockCode String, Description String, Quantity Int64, InvoiceDate DateTime64(6, 'UTC'),
  UnitPrice Float64, CustomerID Nullable(Int64), Country String`;

/**
 * Turns rows of UCI_ROWS into Parquet with the data set's columns. Both paths are absolute and of the machine that
 * ClickHouse runs on; an existing file is replaced.
 *
 * @throws ClickHouseError
 */
export async function writeUciParquet(
  clickhouse: Pick<ClickHouse, "command">,
  rowsPath: string,
  parquetPath: string,
): Promise<void> {
  await clickhouse.command(WRITE_PARQUET, { rowsPath, parquetPath, columns: COLUMNS });
}
