/**
 * Which partitions this process holds, where each goes on, and what may be committed of them. Decisions only: no client.
 *
 * A tenure begins when a partition is assigned and ends when it is taken away. Positions of an ended tenure are not
 * committed: another process may have gone further.
 */
import type { Position } from "../activity-log/index.ts";

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface Tenure extends TopicPartition {
  /** Next offset to come from the broker; `null` until the start is known. */
  next: number | null;
  /** First offset of this tenure, and one past the last that was handed out. */
  start: number;
  handedOut: number;
  /** Offset at which reading was set again because the broker went on further along. */
  repositionedAt: number | null;
}

export interface Reassignment {
  readonly begun: readonly Tenure[];
  readonly kept: readonly Tenure[];
  readonly ended: readonly Tenure[];
}

export class Tenures {
  readonly #held = new Map<string, Tenure>();

  /** @param continuing whether this member was in the group all along, so that a partition it still has was never another's */
  assign(assigned: readonly TopicPartition[], continuing: boolean): Reassignment {
    const before = new Map(this.#held);
    this.#held.clear();
    const begun: Tenure[] = [];
    const kept: Tenure[] = [];
    for (const { topic, partition } of assigned) {
      const key = keyOf({ topic, partition });
      const known = before.get(key);
      if (continuing && known !== undefined && known.next !== null) {
        before.delete(key);
        kept.push(known);
        this.#held.set(key, known);
      } else {
        const tenure = { topic, partition, next: null, start: 0, handedOut: 0, repositionedAt: null };
        begun.push(tenure);
        this.#held.set(key, tenure);
      }
    }
    return { begun, kept, ended: [...before.values()] };
  }

  held(): Tenure[] {
    return [...this.#held.values()];
  }

  /** The tenure of a partition that is held now. */
  of(at: TopicPartition): Tenure | undefined {
    return this.#held.get(keyOf(at));
  }

  isHeld(tenure: Tenure): boolean {
    return this.of(tenure) === tenure;
  }

  begin(tenure: Tenure, offset: number): void {
    tenure.next = offset;
    tenure.start = offset;
    tenure.handedOut = offset;
  }

  /**
   * What to do with a batch that the broker was asked for at this offset. `Reposition`: it is not where this tenure goes
   * on (records deleted by retention; or kafkajs has passed records that it hides, transaction markers): set reading
   * again, and if the same comes once more, it is right.
   */
  judge(tenure: Tenure, fetchedOffset: number): "Accept" | "Drop" | "Reposition" {
    if (tenure.next === null) return "Drop";
    if (fetchedOffset <= tenure.next || tenure.repositionedAt === tenure.next) return "Accept";
    return "Reposition";
  }

  /** @param next one past the last offset of an accepted batch */
  received(tenure: Tenure, next: number): void {
    tenure.repositionedAt = null;
    if (tenure.next === null || next > tenure.next) tenure.next = next;
  }

  handedOut(at: TopicPartition, next: number): void {
    const tenure = this.of(at);
    if (tenure !== undefined && next > tenure.handedOut) tenure.handedOut = next;
  }

  /**
   * Of these positions those that may be committed: in a partition that is held, and within what this tenure handed out.
   */
  committable(positions: readonly Position[]): Position[] {
    return positions.filter((position) => {
      const tenure = this.of(position);
      if (tenure === undefined || tenure.next === null) return false;
      return tenure.start <= position.offset && position.offset <= tenure.handedOut;
    });
  }
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${partition}/${topic}`;
}
