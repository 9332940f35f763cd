/** One figure. `ratio` compares with the baseline of the same run; it should reach `target` where there is one. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly ratio?: number;
  readonly target?: number;
}
