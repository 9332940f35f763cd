import { type Board, DB, sql } from "../board.ts";

/** Grafana's macros: the time chosen above, and steps of a width that suits it. */
const DURING = "$__timeFilter(occurred_at)";
const STEP = "$__timeInterval(occurred_at)";
/** Repeats of an event have one id. */
const EVENTS = `(SELECT any(event) AS kind, any(occurred_at) AS at FROM ${DB}.events WHERE ${DURING} GROUP BY topic, event_id)`;
/** Of the view: each conversion once, less what came back. An empty id means that nothing earned it. */
const CHECKOUTS = `${DB}.checkouts`;
const EARNED = "tupleElement(first_touch, 2) != ''";

export const business: Board = {
  name: "business",
  title: "ProductMatcher / Business",
  description: "Views, carts, orders, revenue, and how much of it what people were shown before has earned.",
  chosenBy: ["database"],
  rows: [
    {
      title: "Sum of the time chosen",
      panels: [
        {
          title: "Views",
          description: "Items that were looked at.",
          as: "number",
          unit: "short",
          width: 4,
          queries: [{ sql: sql(`SELECT countIf(kind = 'view') AS views FROM ${EVENTS}`) }],
        },
        {
          title: "Carts",
          description: "Items that were put into a cart.",
          as: "number",
          unit: "short",
          width: 4,
          queries: [{ sql: sql(`SELECT countIf(kind = 'add_to_cart') AS carts FROM ${EVENTS}`) }],
        },
        {
          title: "Order lines",
          description: "Conversions of attribution; mostly purchases, a line each.",
          as: "number",
          unit: "short",
          width: 4,
          queries: [{ sql: sql(`SELECT count() AS orders FROM ${CHECKOUTS} WHERE ${DURING}`) }],
        },
        {
          title: "Revenue",
          description: "Of these, less what came back, by currency.",
          as: "number",
          unit: "short",
          width: 4,
          queries: [
            {
              sql: sql(`SELECT currency, toFloat64(sum(revenue)) AS revenue FROM ${CHECKOUTS} WHERE ${DURING}
                GROUP BY currency ORDER BY revenue DESC`),
            },
          ],
        },
        {
          title: "Attributed revenue",
          description: "Share of revenue with a touch of the same item within the window of attribution.",
          as: "number",
          unit: "percentunit",
          width: 4,
          queries: [
            {
              sql: sql(`SELECT toFloat64(sumIf(revenue, ${EARNED})) / toFloat64(sum(revenue)) AS attributed
                FROM ${CHECKOUTS} WHERE ${DURING}`),
            },
          ],
        },
        {
          title: "Views that end in an order",
          description: "Order lines a view.",
          as: "number",
          unit: "percentunit",
          width: 4,
          queries: [
            {
              sql: sql(`SELECT (SELECT count() FROM ${CHECKOUTS} WHERE ${DURING}) / countIf(kind = 'view') AS conversion
                FROM ${EVENTS}`),
            },
          ],
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          title: "Activity",
          description: "Events by kind.",
          as: "lines",
          unit: "short",
          queries: [
            {
              sql: sql(`SELECT $__timeInterval(at) AS time, kind, count() AS events FROM ${EVENTS}
                GROUP BY time, kind ORDER BY time`),
            },
          ],
        },
        {
          title: "Revenue",
          description: "By whether a touch has earned it.",
          as: "stacked",
          unit: "short",
          queries: [
            {
              sql: sql(`SELECT ${STEP} AS time, if(${EARNED}, 'attributed', 'other') AS earned,
                toFloat64(sum(revenue)) AS revenue
                FROM ${CHECKOUTS} WHERE ${DURING} GROUP BY time, earned ORDER BY time`),
            },
          ],
        },
        {
          title: "Revenue that a click on a list has earned",
          description: "Conversions whose first touch is a click on a recommended or listed item (event click).",
          as: "stacked",
          unit: "short",
          queries: [
            {
              sql: sql(`SELECT ${STEP} AS time, toFloat64(sum(revenue)) AS revenue FROM ${CHECKOUTS}
                WHERE ${DURING} AND tupleElement(first_touch, 2) IN
                  (SELECT event_id FROM ${DB}.touches WHERE event = 'click')
                GROUP BY time ORDER BY time`),
            },
          ],
        },
        {
          title: "Visitors",
          description: "Different ones: signed in by user, else by browser or visit.",
          as: "lines",
          unit: "short",
          queries: [
            {
              sql: sql(`SELECT ${STEP} AS time, uniq(actor_id) AS visitors FROM ${DB}.events WHERE ${DURING}
                GROUP BY time ORDER BY time`),
            },
          ],
        },
        {
          title: "Items with most revenue",
          description: "And how much of it a touch has earned.",
          as: "table",
          unit: "short",
          queries: [
            {
              sql: sql(`SELECT item_id, any(items.name) AS name, toFloat64(sum(revenue)) AS total,
                toFloat64(sumIf(revenue, ${EARNED})) AS attributed
                FROM ${CHECKOUTS} AS checkouts LEFT JOIN (SELECT item_id, name FROM ${DB}.items FINAL) AS items USING item_id
                WHERE ${DURING} GROUP BY item_id ORDER BY total DESC LIMIT 20`),
            },
          ],
        },
        {
          title: "From click to order",
          description: "Half of the attributed conversions came within so many seconds of their first touch.",
          as: "lines",
          unit: "s",
          queries: [
            {
              sql: sql(`SELECT ${STEP} AS time,
                median(dateDiff('millisecond', tupleElement(first_touch, 1), occurred_at)) / 1000 AS seconds
                FROM ${CHECKOUTS} WHERE ${DURING} AND ${EARNED} GROUP BY time ORDER BY time`),
            },
          ],
        },
      ],
    },
  ],
};
