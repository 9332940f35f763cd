import type { RunningLocal } from "../local/index.ts";

const TRACK = "/v1/track";

interface Stop {
  readonly title: string;
  readonly path: string;
  readonly body?: object;
}

/**
 * Shows a person who has just started the pipeline where everything is, and that it answers: real calls, real answers.
 * Activity is sent to a simulated shop alone: a shop of one's own keeps only what its shoppers did.
 */
export async function showTour(
  local: RunningLocal,
  options: { readonly simulate?: number | true },
  seconds: number,
): Promise<void> {
  const { address } = local;
  const { actor, item } = await examples(local);
  console.log(`Console: ${address}/console/sign-in#key=${local.adminKey}`);
  console.log(`ProductMatcher answers at ${address} (started in ${seconds.toFixed(1)} s).`);
  if (options.simulate !== undefined) console.log("A simulated shop is in front of it: its shoppers come and go now.");
  console.log(`
  recommendations  ${address}/v1/recommendations/users/{id}
  API description  ${address}/openapi.json
  activity         POST ${address}/v1/track
  state            ${address}/status
  metrics          ${address}/metrics
`);
  const stops: Stop[] = [
    { title: "For a user", path: `/v1/recommendations/users/${encodeURIComponent(actor)}?limit=3` },
    { title: "Like an item", path: `/v1/recommendations/items/${encodeURIComponent(item)}/similar?limit=3` },
    { title: "For a visit without a user", path: "/v1/recommendations/session?limit=3", body: { items: [item] } },
    { title: "Popular", path: "/v1/recommendations/popular?limit=3" },
    { title: "Trending", path: "/v1/recommendations/trending?limit=3" },
    {
      title: "Tell it what happened; the next answer for this user takes it into account",
      path: TRACK,
      body: { event: "view", userId: actor, itemId: item },
    },
  ];
  for (const stop of stops) {
    const shown = stop.path === TRACK && options.simulate === undefined ? null : await visit(address, stop);
    console.log(stopText(address, stop, shown));
  }
  console.log("Ctrl-C stops it.");
}

/** Its status and its body. */
async function visit(address: string, { path, body }: Stop): Promise<string> {
  const response = await fetch(
    `${address}${path}`,
    body === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
  );
  return `${response.status} ${oneItemALine(await response.text())}`;
}

function stopText(address: string, { title, path, body }: Stop, answer: string | null): string {
  const url = quoted(`${address}${path}`);
  const command =
    body === undefined
      ? `curl ${url}`
      : `curl -H 'content-type: application/json' -d ${quoted(JSON.stringify(body))} ${url}`;
  return `${title}:\n  $ ${command}\n${answer === null ? "" : `  ${answer}\n`}`;
}

/** As one word of a shell, whatever an id holds. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The answer to the letter, with line breaks before each entry of its list. */
function oneItemALine(answer: string): string {
  return answer.replaceAll(/(?<=[[,])\{"item":/g, '\n      {"item":');
}

/** A user and an item of the shop's own; made-up ones in a pipeline without activity, which answers them too. */
async function examples({ pipeline }: RunningLocal): Promise<{ actor: string; item: string }> {
  const [recent] = await pipeline.clickhouse.query<{ actor: string; item: string }>(
    `SELECT user_id AS actor, item_id AS item FROM events
     WHERE user_id != '' AND item_id != '' ORDER BY occurred_at DESC LIMIT 1`,
  );
  return recent ?? { actor: "alice", item: "teapot" };
}
