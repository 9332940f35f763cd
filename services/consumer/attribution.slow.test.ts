import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import type { AttributionSpec } from "./attribution.ts";
import type { EventRow } from "./rows.ts";
import { store } from "./sink.ts";

const SPEC: AttributionSpec = { touches: ["view", "click"], conversions: ["purchase"], windowSeconds: 3600 };
const START = Date.UTC(2026, 0, 1);
const STREAMS = 1_000;

/** What the issue asks, in one plain statement over all events: the oracle. */
const ORACLE = `
SELECT
  checkout.event_id AS checkout_id,
  minIf((touch.occurred_at, touch.event_id), touch.event_id != '') AS first,
  maxIf((touch.occurred_at, touch.event_id), touch.event_id != '') AS last
FROM (SELECT * FROM activity WHERE event = 'purchase') AS checkout
LEFT JOIN (SELECT * FROM activity WHERE event IN ('view', 'click')) AS touch
  ON touch.actor_id = checkout.actor_id AND touch.item_id = checkout.item_id
  AND touch.occurred_at <= checkout.occurred_at
  AND touch.occurred_at >= checkout.occurred_at - toIntervalSecond(3600)
GROUP BY checkout_id ORDER BY checkout_id`;

const ANSWER = `
SELECT checkout_id, first_touch AS first, last_touch AS last
FROM attributed_checkouts FINAL ORDER BY checkout_id`;

interface Answer {
  readonly checkout_id: string;
  readonly first: [string, string];
  readonly last: [string, string];
}

/** Checkout to the ids of its first and last touch, "" for none. */
async function answers(clickhouse: ClickHouse, sql: string): Promise<Map<string, [string, string]>> {
  const rows = await clickhouse.query<Answer>(sql);
  return new Map(rows.map((row) => [row.checkout_id, [row.first[1], row.last[1]]]));
}

const event = fc.record({
  event: fc.constantFrom("view", "click", "purchase", "purchase", "add_to_cart"),
  actor: fc.constantFrom("ann", "bob", "session:1"),
  item: fc.constantFrom("cup", "tea"),
  // Two hours in steps that often hit the window's edge, and often the same millisecond.
  minute: fc.integer({ min: 0, max: 120 }),
  millisecond: fc.constantFrom(0, 0, 1, -1),
});

/** Events in any order, some of them sent again, cut into batches anywhere. */
const stream = fc.array(event, { minLength: 1, maxLength: 24 }).chain((events) =>
  fc.record({
    arrivals: fc
      .tuple(
        fc.shuffledSubarray([...events.keys()], { minLength: events.length }),
        fc.array(fc.nat(events.length - 1), { maxLength: 6 }),
      )
      .map(([order, repeats]) => [...order, ...repeats]),
    cuts: fc.array(fc.nat(30), { maxLength: 4 }),
    events: fc.constant(events),
  }),
);

describe("attribution", () => {
  test(`equals the plain SQL over all events, for ${STREAMS} streams in any order, with repeats, in any batches`, async () => {
    const clickhouse = await migratedDatabase();
    let run = 0;
    let found = 0;
    await fc.assert(
      fc.asyncProperty(stream, async ({ events, arrivals, cuts }) => {
        // Streams share the tables and are told apart by their actors: emptying the tables would cost most of the time.
        run += 1;
        const rows = arrivals.map((index) => row(run, index, events[index]!));
        const bounds = [0, ...cuts.filter((cut) => cut < rows.length).sort((a, b) => a - b), rows.length];
        for (let i = 0; i + 1 < bounds.length; i += 1) {
          const part = rows.slice(bounds[i], bounds[i + 1]);
          await store(clickhouse, EMPTY_BATCH, part, SPEC);
        }
        if (run % 50 === 0) {
          const expected = await answers(clickhouse, ORACLE);
          expect(await answers(clickhouse, ANSWER)).toEqual(expected);
          found = [...expected.values()].filter(([first]) => first !== "").length;
        }
      }),
      { numRuns: STREAMS, endOnFailure: true },
    );
    expect(await answers(clickhouse, ANSWER)).toEqual(await answers(clickhouse, ORACLE));
    // The streams are such that both answers, a touch and none, occur often.
    expect(found).toBeGreaterThan(STREAMS / 4);
  });
});

const EMPTY_BATCH = {
  records: 0,
  bytes: 0,
  madeFrom: "",
  receivedAt: 0,
  events: [],
  items: [],
  users: [],
  deadLetters: [],
  resolved: [],
  positions: [],
};

function row(run: number, index: number, drawn: typeof event extends fc.Arbitrary<infer T> ? T : never): EventRow {
  return {
    event_id: `${run}-${index}`,
    event: drawn.event,
    actor_id: `${run}-${drawn.actor}`,
    user_id: drawn.actor,
    anonymous_id: "",
    session_id: "",
    item_id: drawn.item,
    occurred_at: START + drawn.minute * 60_000 + drawn.millisecond,
    price: null,
    quantity: 1,
    currency: "",
    url: "",
    referrer: "",
    user_agent: "",
    ip_address: "",
    properties: {},
    user_attributes: {},
    item_attributes: {},
    enriched: true,
    topic: "shop",
    partition: 0,
    offset: index,
    ingested_at: START,
  };
}
