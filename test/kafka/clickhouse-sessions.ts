/**
 * Sessions of the embedded engine for statements that come one by one from outside: a few at once, each statement in a
 * free session, under its own database, settings and parameters. What one statement set is put back before the next.
 */
import { createRequire } from "node:module";

/** chdb's own session: its adapter for `@clickhouse/client` sends settings before every statement and keeps them. */
interface EngineSession {
  queryAsync(sql: string, options: { readonly format: string }): Promise<EngineAnswer>;
  close(): void;
}

interface EngineAnswer {
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  bytes(): Uint8Array;
}

const { Session } = createRequire(import.meta.url)("chdb") as { Session: new (path: string) => EngineSession };

export interface Statement {
  readonly sql: string;
  /** Rows behind an INSERT ... FORMAT; `null` when the statement is whole without. */
  readonly rows: Buffer | null;
  readonly database: string;
  readonly settings: ReadonlyMap<string, string>;
  /** By name, as they stand in an address after `param_`. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Of an answer whose statement names none. */
  readonly format: string;
}

export interface Answer {
  readonly body: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  /** Seconds. */
  readonly elapsed: number;
}

export interface Sessions {
  /** @throws Error with ClickHouse's own text, which begins with `Code:` */
  run(statement: Statement): Promise<Answer>;
  close(): void;
}

/** Of a parameter that an earlier statement set: it stands for no value of any type that is not Nullable. */
const NO_VALUE = "\\N";
/** The server's default for the text of a statement; parameters come outside it. */
const MAX_QUERY_BYTES = 262_144;
const MAX_SET_BYTES = 64 * 1024 * 1024;

/** @param path the engine's folder: one folder a process */
export function openSessions(path: string, count: number): Sessions {
  const all = Array.from({ length: count }, () => new ReusedSession(new Session(path)));
  const free = [...all];
  const waiting: ((session: ReusedSession) => void)[] = [];
  return {
    async run(statement) {
      const session = free.pop() ?? (await new Promise<ReusedSession>((resolve) => waiting.push(resolve)));
      try {
        return await session.run(statement);
      } finally {
        const next = waiting.shift();
        if (next === undefined) free.push(session);
        else next(session);
      }
    },
    close() {
      for (const session of all) session.close();
    },
  };
}

class ReusedSession {
  readonly #session: EngineSession;
  #prepared = false;
  #database = "";
  /** What the session has; `undefined`: not known. */
  #settings: ReadonlyMap<string, string | undefined> = new Map();
  #parameters: ReadonlyMap<string, string | undefined> = new Map();

  constructor(session: EngineSession) {
    this.#session = session;
  }

  async run({ sql, rows, database, settings, parameters, format }: Statement): Promise<Answer> {
    if (Buffer.byteLength(sql) > MAX_QUERY_BYTES) {
      throw new Error(`Code: 62. DB::Exception: Max query size exceeded: ${MAX_QUERY_BYTES}. (SYNTAX_ERROR)`);
    }
    await this.#prepare(database, settings, parameters);
    // An INSERT without rows does nothing on a server; the engine would call it an error.
    if (rows !== null && rows.length === 0) return { body: new Uint8Array(0), rowsRead: 0, bytesRead: 0, elapsed: 0 };
    const text = rows === null ? sql : `${sql}\n${rows.toString()}`;
    const answer = await this.#session.queryAsync(text, { format });
    const { rowsRead, bytesRead, elapsed } = answer;
    return { body: answer.bytes(), rowsRead, bytesRead, elapsed };
  }

  close(): void {
    this.#session.close();
  }

  async #prepare(
    database: string,
    settings: ReadonlyMap<string, string>,
    parameters: ReadonlyMap<string, string>,
  ): Promise<void> {
    if (!this.#prepared) await this.#execute(`SET max_query_size = ${MAX_SET_BYTES}`);
    this.#prepared = true;
    if (database !== this.#database) {
      this.#database = "";
      await this.#execute(`USE \`${database.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``);
      this.#database = database;
    }
    const changes = [
      ...[...this.#settings.keys()].filter((name) => !settings.has(name)).map((name) => `${checked(name)} = DEFAULT`),
      ...changed(settings, this.#settings).map(([name, value]) => `${checked(name)} = ${quoted(value)}`),
      ...[...this.#parameters]
        .filter(([name, value]) => !parameters.has(name) && value !== NO_VALUE)
        .map(([name]) => `param_${checked(name)} = ${quoted(NO_VALUE)}`),
      ...changed(parameters, this.#parameters).map(([name, value]) => `param_${checked(name)} = ${quoted(value)}`),
    ];
    if (changes.length === 0) return;
    const earlier = [...this.#parameters.keys()];
    // A SET that fails may have done a part.
    this.#settings = new Map([...this.#settings.keys(), ...settings.keys()].map((name) => [name, undefined]));
    this.#parameters = new Map([...earlier, ...parameters.keys()].map((name) => [name, undefined]));
    await this.#execute(`SET ${changes.join(", ")}`);
    this.#settings = settings;
    this.#parameters = new Map([...earlier.map((name) => [name, NO_VALUE] as const), ...parameters]);
  }

  async #execute(sql: string): Promise<void> {
    await this.#session.queryAsync(sql, { format: "Null" });
  }
}

function changed(
  wanted: ReadonlyMap<string, string>,
  set: ReadonlyMap<string, string | undefined>,
): [string, string][] {
  return [...wanted].filter(([name, value]) => set.get(name) !== value);
}

function checked(name: string): string {
  if (!/^\w+$/.test(name)) throw new Error(`Code: 115. DB::Exception: Unknown setting '${name}'. (UNKNOWN_SETTING)`);
  return name;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
