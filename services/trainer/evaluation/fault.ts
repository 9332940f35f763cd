/** A data set that cannot be evaluated: says which file and column, what was found, and what to do. */
export class DataSetError extends Error {
  override readonly name = "DataSetError";
  readonly code: DataSetFault;

  constructor(code: DataSetFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type DataSetFault =
  | "file_unreadable"
  | "format_unknown"
  | "layout_unknown"
  | "column_missing"
  | "value_invalid"
  | "no_events"
  | "nothing_to_judge"
  | "option_invalid";
