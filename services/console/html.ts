/** Pages as tagged templates: every value is escaped unless it is markup itself. */
import { html as tagged } from "hono/html";

/** Markup that is safe to send. */
export interface Html {
  toString(): string;
  readonly isEscaped: true;
}

/** What a template takes. `null`, `undefined` and booleans leave nothing behind. */
export type Part = Html | string | number | boolean | null | undefined | readonly Part[];

/** Attributes stand in double quotes: `<a href="${url}">`. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  // It is a promise only where a part is one.
  return tagged(strings, ...parts) as Html;
}
