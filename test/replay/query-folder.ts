/** A program: the answers to some SELECTs over the tables of a data folder, which one process has open at a time. */
import { join } from "node:path";
import { openClickHouse } from "../../services/clickhouse/index.ts";

const [dataDir = "", database = "", ...statements] = process.argv.slice(2);
const clickhouse = await openClickHouse({ kind: "embedded", path: join(dataDir, "clickhouse") }, database);
const answers = [];
for (const statement of statements) answers.push(await clickhouse.query(statement));
await clickhouse.close();
console.log(JSON.stringify(answers));
