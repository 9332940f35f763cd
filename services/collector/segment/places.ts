/** Where the fields of a translated record stand in the message that the client sent. */

const OF_THE_MESSAGE: Readonly<Record<string, string>> = {
  eventId: "messageId",
  occurredAt: "timestamp",
  updatedAt: "timestamp",
  sessionId: "context.sessionId",
  url: "context.page.url",
  referrer: "context.page.referrer",
  userAgent: "context.userAgent",
  ipAddress: "context.ip",
};
const OF_THE_PRODUCT: Readonly<Record<string, string>> = {
  itemId: "product_id",
  price: "price",
  quantity: "quantity",
  currency: "currency",
};

/**
 * @param path of a rejection of the record: `itemId`, `/properties/name`, `/attributes/name`
 * @param line of `properties.products`; `null`: there is none
 */
export function placeInMessage(path: string, line: number | null): string {
  const product = line === null ? "properties" : `properties.products.${line}`;
  const field = path.replace(/^\//, "").replaceAll("/", ".");
  if (Object.hasOwn(OF_THE_MESSAGE, field)) return OF_THE_MESSAGE[field] ?? field;
  if (Object.hasOwn(OF_THE_PRODUCT, field)) return `${product}.${OF_THE_PRODUCT[field]}`;
  return field.replace(/^properties\b/, product).replace(/^attributes\b/, "traits");
}
