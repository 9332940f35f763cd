/** A program: a bare Express route that parses a JSON body and answers 200. Prints its address. */
import type { AddressInfo } from "node:net";
import express from "express";

const application = express();
application.disable("x-powered-by");
application.post("/{*path}", express.json({ limit: "1mb" }), (_request, response) => {
  response.json({ accepted: true });
});
const server = application.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
