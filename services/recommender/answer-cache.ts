import { LRUCache } from "lru-cache";
import type { Answer } from "../http/index.ts";
import type { Interest, SeenPolicy } from "./history.ts";
import type { ServedModel } from "./model.ts";
import type { Shelf, Source } from "./recommend.ts";

export interface KeptAnswer {
  readonly url: string;
  readonly model: ServedModel;
  readonly catalogueVersion: number;
  readonly seen: SeenPolicy;
  readonly answer: Answer;
  /** Where the list begins. */
  readonly source: Source;
}

/** What an answer takes beside its body. */
const OVERHEAD_BYTES = 500;

/**
 * The last answer to each history, for as long as nothing that it was computed from has changed. Histories and models
 * are never altered but replaced, so being the same object means being the same in content.
 */
export class AnswerCache {
  readonly #answers: LRUCache<readonly Interest[], KeptAnswer>;

  /** @param bytes of all answers, at least 1 */
  constructor(bytes: number) {
    this.#answers = new LRUCache({ maxSize: bytes });
  }

  get(history: readonly Interest[], url: string, { model, catalogue, seen }: Shelf): KeptAnswer | undefined {
    const kept = this.#answers.get(history);
    const holds =
      kept?.url === url && kept.model === model && kept.catalogueVersion === catalogue.version && kept.seen === seen;
    return holds ? kept : undefined;
  }

  put(
    history: readonly Interest[],
    url: string,
    { model, catalogue, seen }: Shelf,
    answer: Answer,
    source: Source,
  ): void {
    const size = OVERHEAD_BYTES + answer.body.length + url.length;
    this.#answers.set(history, { url, model, catalogueVersion: catalogue.version, seen, answer, source }, { size });
  }
}
