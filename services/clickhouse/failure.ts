/**
 * What a failed statement means, for people and for the decision what to do with its rows.
 */

/** Code of the error that `insertNarrowing` has for a table that takes no row at all. */
export const EVERY_ROW_REFUSED = "every_row_refused";

/** Bounded, so that it can be a metric's label. `Data` names rows at fault; all others are states of the server. */
export type FailureCause =
  | "Data"
  | "Credentials"
  | "Rights"
  | "Schema"
  | "Overload"
  | "Storage"
  | "Unreachable"
  | "Timeout"
  | "Unknown";

export interface Failure {
  readonly cause: FailureCause;
  /** In one line: what is wrong and, where somebody must act, what to do. */
  readonly problem: string;
}

/**
 * Codes by which ClickHouse says that the data of an insert is at fault, not the server: 6 cannot parse text,
 * 25 escape sequence, 26 quoted string, 27 assertion of input, 38 date, 41 date time, 53 type mismatch, 69 argument out
 * of bound, 70 cannot convert, 72 number, 117 incorrect data, 128 too large array, 131 too large string, 190 sizes of
 * arrays, 321 out of the type's range, 349 null for a plain column, 407 decimal overflow, 469 a constraint of the table.
 */
const DATA_CODES = [6, 25, 26, 27, 38, 41, 53, 69, 70, 72, 117, 128, 131, 190, 321, 349, 407, 469];

interface Meaning {
  readonly cause: FailureCause;
  readonly codes: readonly (number | string)[];
  readonly fix?: string;
}

const MEANINGS: readonly Meaning[] = [
  { cause: "Data", codes: DATA_CODES },
  {
    cause: "Credentials",
    // Unknown user, wrong password, password required, authentication failed, address not allowed.
    codes: [192, 193, 194, 195, 516],
    fix: "set the username and password that ClickHouse knows; files are read again by themselves",
  },
  {
    cause: "Rights",
    // Read-only, access to the database denied, access denied.
    codes: [164, 291, 497],
    fix: "grant the role SELECT and INSERT on the database",
  },
  {
    cause: "Schema",
    // Not found in block, no such column, unknown identifier, table, database.
    codes: [10, 16, 47, 60, 81, EVERY_ROW_REFUSED],
    fix: "run `productmatcher migrate`; tables and columns must be as it makes them",
  },
  {
    cause: "Overload",
    // Rows or bytes above a limit, slow, quota, too many queries, no connection, memory limit, too many parts, no thread.
    codes: [158, 160, 201, 202, 203, 241, 252, 290, 307, 396, 439, 473],
    fix: "it goes on once ClickHouse has caught up; if not, give it more resources or raise its limits",
  },
  {
    cause: "Storage",
    // Cannot write or open, no space, corrupted; Keeper away and the table read-only for it; too few replicas.
    codes: [24, 75, 76, 225, 242, 243, 244, 246, 254, 285, 286, 319, 999],
    fix: "look at the server's disks and its Keeper",
  },
  { cause: "Timeout", codes: [159, 209, "timeout"], fix: "ClickHouse is too slow or hangs: look at its load" },
  { cause: "Unreachable", codes: [198, 210, 279], fix: "look whether ClickHouse runs and can be reached" },
];

const MEANING_OF = new Map(MEANINGS.flatMap((meaning) => meaning.codes.map((code) => [`${code}`, meaning] as const)));
const UNREACHABLE = /^(E[A-Z]+|UND_ERR\w*|HPE_\w+)$/;
const CERTIFICATE = /CERT|UNABLE_TO_/;
const MAX_PROBLEM_CHARACTERS = 500;

/** Of an error that a statement was rejected with. A code that is not known is a state that may pass, never the data. */
export function failureOf(error: unknown): Failure {
  const code = codeOf(error);
  const meaning = MEANING_OF.get(code) ?? meaningOfConnection(code, error);
  const said = messageOf(error).replaceAll(/\s+/g, " ").trim().slice(0, MAX_PROBLEM_CHARACTERS);
  const number = /^\d+$/.test(code) ? ` (code ${code})` : "";
  return { cause: meaning.cause, problem: `${said}${number}${meaning.fix === undefined ? "" : `: ${meaning.fix}`}` };
}

/** Whether the server says that rows of an insert are at fault: then which ones can be found out. */
export function blamesData(error: unknown): boolean {
  return failureOf(error).cause === "Data";
}

function meaningOfConnection(code: string, error: unknown): Omit<Meaning, "codes"> {
  if (CERTIFICATE.test(code)) {
    return { cause: "Unreachable", fix: "name the authority that signed the server's certificate" };
  }
  const lost = /socket hang up|aborted|Timeout error/.test(messageOf(error));
  if (lost || UNREACHABLE.test(code)) {
    return { cause: "Unreachable", fix: "look whether ClickHouse runs and can be reached" };
  }
  return { cause: "Unknown" };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Node tells of a name with several addresses in an error without a message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
