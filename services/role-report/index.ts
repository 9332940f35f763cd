/**
 * What roles say of themselves, and the operator reads: at `/status` on their port of operations while they run, in
 * their termination message at their end. Fields that are not known here are passed over, so that a role may say more
 * than an operator of another release reads.
 */
import { z } from "zod";

const moment = z.iso.datetime({ offset: true });

/** Something that keeps a role from its work. */
const problem = z.object({
  /** What does not work: where activity comes from, where it is kept, the model, or the role itself. */
  about: z.enum(["Source", "Sink", "Model", "Role"]).catch("Role"),
  reason: z.string().max(100),
  message: z.string().max(2_000),
});

const model = z.object({
  version: z.string(),
  algorithm: z.string().optional(),
  metric: z.string().optional(),
  score: z.string().optional(),
  trainedAt: moment.optional(),
  servedSince: moment.optional(),
  canary: z.object({ version: z.string(), percent: z.int() }).optional(),
});

/** Of `/status`. Lag and counts of a consumer are of its whole group. */
export const roleReport = z.object({
  problems: z.array(problem).max(16).default([]),
  source: z
    .object({
      lag: z.number().nonnegative().optional(),
      freshnessMilliseconds: z.number().nonnegative().optional(),
      deadLetters: z.number().nonnegative().optional(),
      /** Events in the table, as far as `training.minEvents` is concerned. */
      storedEvents: z.number().nonnegative().optional(),
    })
    .optional(),
  model: model.optional(),
  /** Of the last minutes. */
  latencyMilliseconds: z.number().nonnegative().optional(),
  experiments: z
    .array(
      z.object({
        name: z.string(),
        state: z.enum(["Running", "Decided", "Stopped", "Invalid"]),
        arm: z.string().optional(),
        reason: z.string().optional(),
      }),
    )
    .max(16)
    .optional(),
});

/** Of a termination message: why a role ended, and what came of a Job. */
export const lastWords = z.object({
  reason: z.string().max(100).optional(),
  message: z.string().max(4_096).optional(),
  /** Of a migration. */
  schemaVersion: z.int().optional(),
  /** Of a training run: most memory that it held. */
  memoryBytes: z.int().nonnegative().optional(),
  /** Of a training run. */
  result: z.enum(["Promoted", "Refreshed", "Refused", "NotEnoughData", "Failed"]).optional(),
  candidates: z
    .array(
      z.object({
        algorithm: z.string(),
        score: z.string().optional(),
        liftPercent: z.string().optional(),
        verdict: z.string().optional(),
        reason: z.string().optional(),
      }),
    )
    .max(16)
    .optional(),
});

export type Problem = z.output<typeof problem>;
export type RoleReport = z.output<typeof roleReport>;
/** As a role writes it: all fields may be left out. */
export type WrittenReport = z.input<typeof roleReport>;
export type LastWords = z.output<typeof lastWords>;

/** What a container said at its end; text that is no report is a message, empty text says nothing. */
export function readLastWords(message: string | undefined): LastWords {
  const text = message?.trim() ?? "";
  try {
    const parsed = lastWords.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return text === "" ? {} : { message: text.slice(-500) };
}
