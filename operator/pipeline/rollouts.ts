/**
 * How many pipelines take a new image of the operator at a time. A pipeline whose pods do not come up with it keeps its
 * place, so that a bad image stops after the first few.
 */
export interface Rollouts {
  /**
   * The image that a pipeline's pods are to have now.
   *
   * @param current what they have; `undefined`: none yet
   */
  imageFor(key: string, current: string | undefined, wanted: string): string;
  /** All pods have the wanted image, or the pipeline is gone: the next in line is told to look again. */
  finished(key: string): void;
}

/** @param onFree a pipeline that waited may go on */
export function rollouts(limit: number, onFree: (key: string) => void): Rollouts {
  const under = new Set<string>();
  const waiting = new Set<string>();
  return {
    imageFor(key, current, wanted) {
      if (current === undefined || current === wanted || under.has(key)) {
        waiting.delete(key);
        return wanted;
      }
      if (under.size >= limit) {
        waiting.add(key);
        return current;
      }
      waiting.delete(key);
      under.add(key);
      return wanted;
    },
    finished(key) {
      waiting.delete(key);
      if (!under.delete(key)) return;
      const [next] = waiting;
      if (next !== undefined) onFree(next);
    },
  };
}
