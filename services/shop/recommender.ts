/** What the pipeline's recommender answers the shop. */
import type { Logger } from "pino";
import { type Answered, readAnswer } from "../console/explanation.ts";
import { faultReason, faultsOf, isRefusal } from "./faults.ts";

/** `null`: it does not answer, as before the pipeline is up; `"refused"`: it wants an API key. A shop shows its pages without. */
export type Recommendation = Answered | "refused" | null;

export interface Recommender {
  forUser(user: string, limit: number): Promise<Recommendation>;
  similar(item: string, limit: number): Promise<Recommendation>;
  popular(limit: number): Promise<Recommendation>;
}

/** A page does not wait longer. */
const TIMEOUT_MILLISECONDS = 2_000;
const TOLD = {
  away: "no recommendations: pages are shown without until there are",
  refused:
    "the recommender wants an API key, and the shop has none: pages are shown without recommendations; name a recommender that asks for none",
};
/** In an address they are steps, however they are encoded. */
const STEPS = new Set([".", ".."]);

/** @param address of the recommender, `http://host:port` */
export function recommenderAt(address: string, logger: Logger): Recommender {
  const base = address.replace(/\/$/, "");
  const faults = faultsOf(logger, TOLD);
  /** @param endpoint for the log, which gets no ids */
  const ask = async (endpoint: string, path: string, limit: number): Promise<Recommendation> => {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
      const response = await fetch(`${base}/v1/recommendations/${path}?limit=${limit}`, { signal });
      const body = await response.text();
      if (!response.ok) {
        const fault = isRefusal(response.status) ? "refused" : "away";
        faults.failed(endpoint, fault, `it answers ${response.status}`);
        return fault === "refused" ? fault : null;
      }
      const answer = readAnswer(body);
      faults.answered(endpoint);
      return answer;
    } catch (error) {
      faults.failed(endpoint, "away", faultReason(error));
      return null;
    }
  };
  const popular = (limit: number) => ask("popular", "popular", limit);
  return {
    popular,
    forUser: (user, limit) =>
      STEPS.has(user) ? popular(limit) : ask("users", `users/${encodeURIComponent(user)}`, limit),
    similar: (item, limit) =>
      STEPS.has(item) ? popular(limit) : ask("similar", `items/${encodeURIComponent(item)}/similar`, limit),
  };
}
