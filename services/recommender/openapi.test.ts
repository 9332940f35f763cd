import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { OPEN_API } from "./openapi.ts";
import { parseRequest } from "./request.ts";

describe("the description of the API", () => {
  test("is a valid OpenAPI 3.1 document", async () => {
    const result = await new Validator().validate(JSON.parse(JSON.stringify(OPEN_API)));
    expect(result).toEqual({ valid: true });
  });

  test("names exactly the addresses and methods that are answered", () => {
    for (const [path, methods] of Object.entries(OPEN_API.paths)) {
      for (const method of Object.keys(methods)) {
        const raw = { method: method.toUpperCase(), url: path.replace("{id}", "x"), body: { items: [] } };
        expect(parseRequest(raw).ok, `${method} ${path}`).toBe(true);
      }
    }
  });

  test("has every parameter that is understood", () => {
    const query = Object.values(OPEN_API.components.parameters).map(
      ({ name }) => `${name}=${name === "device" ? "mobile" : "1"}`,
    );
    expect(parseRequest({ method: "GET", url: `/v1/recommendations/popular?${query.join("&")}` }).ok).toBe(true);
  });
});
