/** Bytes that are not what their schema says, or a schema that no decoder can be made of. The message says which and where. */
export class UndecodableError extends Error {
  override readonly name = "UndecodableError";
}
