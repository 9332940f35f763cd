/** The rules as the API server judges them. */
import { beforeAll, expect, test } from "vitest";
import { connect, describeApiServer, kubectl, newNamespace } from "../test/api-server/suite.ts";
import { type LooseSpec, RULE_CASES, resourceWith } from "../test/fixtures/rule-cases.ts";

let namespace = "";
let count = 0;

beforeAll(async () => {
  namespace = await newNamespace();
});

/** The API server's own sentence; `null`: it took the resource. */
async function refusal(
  spec: LooseSpec,
  { before, name }: { before?: LooseSpec | undefined; name?: string | undefined },
) {
  const api = connect();
  const path = `/apis/productmatcher.dev/v1alpha1/namespaces/${namespace}/recommenderpipelines`;
  count += 1;
  const resource = resourceWith(spec, name ?? `p${count}`);
  const sentence = (error: Error) => error.message;
  if (before === undefined) return api.request({ method: "POST", path, body: resource }).then(() => null, sentence);
  const made = await api.request<{ metadata: object }>({
    method: "POST",
    path,
    body: resourceWith(before, `p${count}`),
  });
  const body = { ...resource, metadata: made.metadata };
  return api.request({ method: "PUT", path: `${path}/p${count}`, body }).then(() => null, sentence);
}

describeApiServer("the API server", () => {
  test.each(RULE_CASES)("refuses what breaks $id: $message", async ({ message, breaks, before, name }) => {
    expect(await refusal(breaks, { before, name })).toContain(message);
  });

  test.each(RULE_CASES)("takes what holds $id: $message", async ({ holds, before }) => {
    expect(await refusal(holds, { before })).toBeNull();
  });

  test("explains every field, with its unit", async () => {
    const explained = await kubectl("explain", "recommenderpipeline.spec.attribution.windowSeconds");
    expect(explained).toMatch(/a touch counts/);
    const all = await kubectl("explain", "recommenderpipeline.spec", "--recursive");
    expect(all).toMatch(/minLiftPercent\s+<integer>/);
    expect(
      await kubectl("get", "crd", "recommenderpipelines.productmatcher.dev", "-o", "jsonpath={.status.conditions}"),
    ).not.toMatch(/NonStructural/);
  });

  test("shows a resource that the operator has not seen yet as not ready, never as done", async () => {
    await refusal({}, { name: "unseen" });
    const found = await kubectl("-n", namespace, "get", "rp", "unseen");
    expect(found).toMatch(/Unknown\s+Pending/);
  });
});
