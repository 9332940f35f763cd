export type SchemaRegistryErrorCode =
  | "unreachable"
  | "certificate_refused"
  | "sign_in_refused"
  /** Something answers at this address that is no schema registry. */
  | "no_registry"
  | "secret_unreadable"
  | "invalid_answer"
  /** Any other refusal. */
  | "refused";

/** The registry could not be asked, or did not answer as one: nothing is known of the schema, and asking again may help. */
export class SchemaRegistryError extends Error {
  override readonly name = "SchemaRegistryError";
  readonly code: SchemaRegistryErrorCode;

  constructor(code: SchemaRegistryErrorCode, message: string, options?: ErrorOptions) {
    super(`schema registry: ${message}`, options);
    this.code = code;
  }
}
