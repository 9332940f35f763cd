/**
 * Activity of a shop of any size, made by SQL: 30 events an actor in five visits, items by a power law, of which most are
 * within the actor's taste; the catalogue grows as the activity does.
 */
export const EVENTS_PER_ACTOR = 30;
const EVENTS_PER_ITEM = 50;
const SPAN_MILLISECONDS = 80 * 86_400_000;
const START = Date.UTC(2026, 0, 1);

/** Of a statement with {events:UInt64}: event_id, actor_id, session_id, item_id, event, occurred_at, quantity. */
export const SIMULATED_ACTIVITY = `
SELECT concat('e', toString(number)) AS event_id, concat('u', toString(actor)) AS actor_id,
  concat(actor_id, '-', toString(visit)) AS session_id, concat('i', toString(item)) AS item_id,
  if(step % 6 = 5, 'purchase', 'view') AS event,
  fromUnixTimestamp64Milli(toInt64(${START} + cityHash64(actor, visit) % ${SPAN_MILLISECONDS} + 60000 * (step % 6)), 'UTC') AS occurred_at,
  toUInt32(1) AS quantity
FROM (
  SELECT number, intDiv(number, ${EVENTS_PER_ACTOR}) AS actor, number % ${EVENTS_PER_ACTOR} AS step, intDiv(step, 6) AS visit,
    greatest(100, intDiv({events:UInt64}, ${EVENTS_PER_ITEM})) AS items,
    toUInt64(items * pow(cityHash64(number, 'item') / pow(2, 64), 3)) AS place,
    if(cityHash64(number, 'taste') % 10 < 7, place - place % 50 + cityHash64(actor, 'actor') % 50, place) AS item
  FROM numbers({events:UInt64})
)`;
