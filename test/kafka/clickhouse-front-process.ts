/**
 * The ClickHouse front as a program: `node test/kafka/clickhouse-front-process.ts --path FOLDER [--host ADDRESS]
 * [--port N] [--control-port N] [--credentials NAME:PASSWORD]`. Prints one line of JSON, `{ url, control }`, when it is
 * ready.
 *
 * Control, on an address of its own so that it is there while the front refuses: `POST /fault` (a `Fault` or null),
 * `POST /credentials` (`Credentials` or null), `GET /counts`. From TypeScript: `startFrontProcess`.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { type Credentials, type Fault, startClickHouseFront } from "./clickhouse-front.ts";

const { values } = parseArgs({
  options: {
    path: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    "control-port": { type: "string", default: "0" },
    credentials: { type: "string" },
  },
});
if (values.path === undefined) throw new Error("name the folder of the engine's data: --path FOLDER");
const [, username, password] = /^([^:]+):(.*)$/.exec(values.credentials ?? "") ?? [];
const front = await startClickHouseFront({
  path: values.path,
  host: values.host,
  port: Number(values.port),
  ...(username === undefined || password === undefined ? {} : { credentials: { username, password } }),
});

const control = createServer(async (request, response) => {
  try {
    const body = request.method === "POST" ? (JSON.parse(await text(request)) as unknown) : null;
    if (request.url === "/fault") await front.fault(body as Fault | null);
    else if (request.url === "/credentials") await front.setCredentials(body as Credentials | null);
    else if (request.url !== "/counts") response.statusCode = 404;
    response.end(JSON.stringify(await front.counts()));
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
});
control.listen(Number(values["control-port"]), "127.0.0.1", () => {
  const { port } = control.address() as AddressInfo;
  console.log(JSON.stringify({ url: front.url, control: `http://127.0.0.1:${port}` }));
});
process.once("SIGTERM", async () => {
  await front.close();
  process.exit();
});
