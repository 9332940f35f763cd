/** Rules as Prometheus reads them. */

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly interval?: string;
  readonly rules: readonly (RecordingRule | AlertingRule)[];
}

/** How rules write a length of time, given in seconds. */
export type Duration = (seconds: number) => string;

/** The lengths as they are; with a factor all of them are that much shorter, for tests that cannot wait for days. */
export function durations(factor = 1): Duration {
  return (seconds) => {
    const milliseconds = Math.round((seconds * 1_000) / factor);
    for (const [unit, length] of Object.entries({ d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 }))
      if (milliseconds % length === 0) return `${milliseconds / length}${unit}`;
    return `${milliseconds}ms`;
  };
}

/** One line, however it is laid out here. */
export function promql(strings: TemplateStringsArray, ...values: readonly unknown[]): string {
  return String.raw({ raw: strings }, ...values)
    .replaceAll(/\s+/g, " ")
    .trim();
}
