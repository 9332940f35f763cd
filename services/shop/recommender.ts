/** What the pipeline's recommender answers the shop. */
import type { Logger } from "pino";
import { type Answered, readAnswer } from "../console/explanation.ts";

export interface Recommender {
  /** `null`: it does not answer, as before the pipeline is up. A shop shows its pages without. */
  forUser(user: string, limit: number): Promise<Answered | null>;
  similar(item: string, limit: number): Promise<Answered | null>;
  popular(limit: number): Promise<Answered | null>;
}

/** A page does not wait longer. */
const TIMEOUT_MILLISECONDS = 2_000;

/** @param address of the recommender, `http://host:port` */
export function recommenderAt(address: string, logger: Logger): Recommender {
  const base = address.replace(/\/$/, "");
  const ask = async (path: string, limit: number): Promise<Answered | null> => {
    const url = `${base}/v1/recommendations/${path}?limit=${limit}`;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
      const body = await response.text();
      if (!response.ok) throw new Error(`answered ${response.status}: ${body.slice(0, 200)}`);
      return readAnswer(body);
    } catch (error) {
      logger.warn({ err: error, url }, "no recommendations: a page is shown without");
      return null;
    }
  };
  return {
    forUser: (user, limit) => ask(`users/${encodeURIComponent(user)}`, limit),
    similar: (item, limit) => ask(`items/${encodeURIComponent(item)}/similar`, limit),
    popular: (limit) => ask("popular", limit),
  };
}
