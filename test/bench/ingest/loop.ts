/** How far a reader of a topic came. */
export interface Loop {
  readonly events: number;
  /** Of the clock on the wall. */
  readonly seconds: number;
  /** Of processor time in the reading process, all threads, user and system. */
  readonly cpuSeconds: number;
}

export const perSecond = ({ events, seconds }: Loop) => events / seconds;
export const perCpuSecond = ({ events, cpuSeconds }: Loop) => events / cpuSeconds;
