/** What the console shows and does, as the process that serves it can: `local` all of it, a recommender what it reaches. */
import type {
  DeadLetter,
  DeadLetterCount,
  DeadLetterFilter,
  DeadLetterWithValue,
  ListedVersion,
  Promotion,
} from "../clickhouse/index.ts";

export interface ConsolePorts {
  /** `<namespace>/<name>` */
  readonly pipeline: string;
  readonly access: ConsoleAccess;
  readonly recommender: RecommenderPort;
  readonly state: () => Promise<PipelineState>;
  readonly models: ModelsPort;
  readonly deadLetters: DeadLettersPort;
  /** Tells the pipeline that a user did something; `null`: this is a shop of real people, whose activity nobody makes up. */
  readonly act: ((deed: Deed) => Promise<void>) | null;
}

export interface AdminKey {
  readonly name: string;
  readonly key: string;
}

export interface ConsoleAccess {
  /** Asked at every request; the same entries as long as they have not changed. */
  readonly keys: () => readonly AdminKey[];
  /** Whether pages are shown to whoever reaches the address. */
  readonly isOpen: () => boolean;
  /** A sentence: how a key is made where there is none. */
  readonly howToEnable: string;
}

/** An answer of the API, as JSON text. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

export interface ListedItem {
  readonly item: string;
  readonly score: number;
}

export interface PastEvent {
  readonly event: string;
  readonly item: string;
  /** Milliseconds since 1970. */
  readonly occurredAt: number;
  readonly quantity: number;
}

export interface SimilarItems {
  readonly algorithm: string;
  readonly version: string;
  readonly items: readonly ListedItem[];
}

export interface RecommenderPort {
  /** Path and query below `/v1/recommendations/`. */
  answer(path: string): Promise<ApiAnswer>;
  /** The newest first; strengths by item, the one touched last first. */
  user(id: string): Promise<{ readonly history: readonly PastEvent[]; readonly interests: readonly ListedItem[] }>;
  similar(
    item: string,
    limit: number,
  ): { readonly behaviour: SimilarItems | null; readonly content: SimilarItems | null };
  /** Since the start of the process. */
  counted(): Promise<{ readonly events: number; readonly answers: number }>;
}

/** How the parts are; `null`: it runs in another process, of which this one knows nothing. */
export interface PipelineState {
  readonly recommender: RecommenderState;
  readonly consumer: ConsumerState | null;
  readonly training: TrainingState | null;
  /** Whether activity is taken in over HTTP by this process. */
  readonly collects: boolean | null;
}

export interface ServedModel {
  readonly algorithm: string;
  readonly version: string;
  /** ISO 8601. */
  readonly trainedAt: string;
}

export interface RecommenderState {
  /** What it still waits for; empty when it answers. */
  readonly waitingFor: readonly string[];
  /** That answer at this moment, whatever the registry says; by slot, `champion` that of users. */
  readonly models: Readonly<Record<string, ServedModel | undefined>>;
  readonly refused: readonly { readonly slot: string; readonly version: string; readonly reason: string }[];
  readonly catalogue: { readonly items: number; readonly hidden: number };
  readonly actors: { readonly count: number; readonly bytes: number };
  readonly signals: {
    readonly lag: number | null;
    readonly freshnessMilliseconds: number | null;
    readonly error: string | null;
  };
  readonly error: string | null;
  /** The 99th percentile of the last minutes. */
  readonly latencyMilliseconds: number | null;
}

export interface ConsumerState {
  readonly state: string;
  readonly lag: number | null;
  readonly stored: number;
  readonly deadLetters: number;
  readonly problem?: string;
  readonly freshnessMilliseconds: number | null;
}

export interface TrainingState {
  readonly running: boolean;
  /** ISO 8601; `null` while it is suspended. */
  readonly nextRunAt: string | null;
  readonly lastResult: string | null;
}

export interface Registry {
  /** `champion` answers users. */
  readonly aliases: Readonly<Record<string, string>>;
  /** The newest first: as many as are listed, and all that serve. */
  readonly versions: readonly ListedVersion[];
  /** Whether there are older ones, which are not listed. */
  readonly hasOlder: boolean;
  /** Of the champion, the newest first. */
  readonly promotions: readonly Promotion[];
  /** What answered users one after the other, the present one last; what was gone back from is left out. */
  readonly lineage: readonly string[];
  /** Algorithms that never answer users by themselves. */
  readonly notForUsers: readonly string[];
}

export interface Moved {
  readonly version: string;
  readonly replaces: string | null;
  /** Why this process does not serve it yet, which it tries again; `null`: it does, unless another one is pinned. */
  readonly pending: string | null;
}

export interface ModelsPort {
  registry(): Promise<Registry>;
  /** Of any age. */
  version(name: string): Promise<ListedVersion | undefined>;
  /** @throws Error with `code` `version_refused`, whose message says why */
  promote(version: string): Promise<Moved>;
  /** @param from the champion that is gone back from @throws the same, also when another one is the champion by now */
  rollBack(from: string): Promise<Moved>;
  /** What the resource holds in service whatever the registry says. */
  readonly pinned: () => string | undefined;
}

export interface DeadLettersPort {
  counts(): Promise<readonly DeadLetterCount[]>;
  /** The newest first. */
  list(
    filter: DeadLetterFilter,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly DeadLetter[]>;
  show(id: string): Promise<DeadLetterWithValue | undefined>;
  /** @returns how many were sent @throws Error with `code` `replay_interrupted` when only some were; its message says how many */
  replay(filter: DeadLetterFilter): Promise<number>;
  /** @returns false when there is no open one of that id */
  mend(id: string, value: Uint8Array): Promise<boolean>;
}

export interface Deed {
  readonly event: "view" | "add_to_cart" | "purchase";
  readonly user: string;
  readonly item: string;
}
