/** From a recipe that won to rows that a recommender can load: fitted on everything, written, recorded. */
import packageFile from "../../package.json" with { type: "json" };
import type { VersionConfiguration } from "../clickhouse/index.ts";
import { modelBytes, readContent } from "../clickhouse/model-checksum.ts";
import { type ModelVersion, recordVersion } from "../clickhouse/models.ts";
import type { Disqualification, Judged } from "./contest.ts";
import type { GateOptions } from "./gate.ts";
import type { Weighting } from "./interactions.ts";
import type { Lift } from "./judging/bootstrap.ts";
import type { Period } from "./period.ts";
import { dropVersion, versionName } from "./versions.ts";
import type { WorkTables } from "./work-tables.ts";

export interface PublicationOptions {
  /** Of runName: ends the names of versions. */
  readonly run: string;
  /** Everything. */
  readonly whole: Period;
  readonly gate: GateOptions;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly data: {
    readonly lookbackDays: number;
    readonly weighting: Weighting;
    /** Milliseconds since 1970: events from then on were held out. */
    readonly boundary: number;
    /** That were judged on. */
    readonly actors: number;
    readonly from: number | null;
    readonly to: number;
    readonly events: number;
    /** Such as `NDCG@20`. */
    readonly judgedBy: string;
  };
}

export interface Refusal {
  readonly cause: Disqualification["cause"] | "GateRefused" | "TooLarge";
  readonly reason: string;
}

export interface Decision {
  /** `null`: publish it. */
  readonly refusal: Refusal | null;
  /** The version that was in service in its place. */
  readonly parent: string | null;
  /** Where the data ends that the recipe was compared on; milliseconds since 1970. */
  readonly comparedBefore: number;
  readonly lift: Lift | null;
  /** Begins the version's name. */
  readonly label: string;
  /** Of fitting and storing, 0 to 1. */
  readonly onProgress: (share: number) => void;
}

export interface Published {
  readonly version: string;
  readonly algorithm: string;
  readonly status: "published" | "refused" | "failed";
  readonly reason: string;
  readonly cause: Refusal["cause"] | null;
  readonly fitSeconds: number;
}

const MEGABYTE = 1_000_000;

export class Publication {
  readonly #work: WorkTables;
  readonly #options: PublicationOptions;

  constructor(work: WorkTables, options: PublicationOptions) {
    this.#work = work;
    this.#options = options;
  }

  #nameOf(label: string): string {
    return versionName(label, this.#options.run);
  }

  /** Refused or published, a record stays. @throws ClickHouseError when it cannot be written */
  async publish(judged: Judged, decision: Decision): Promise<Published> {
    const { algorithm } = judged;
    const version = this.#nameOf(decision.label);
    const outcome = await this.#outcome(judged, decision).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      return { refusal: { cause: "Failed" as const, reason }, content: NOTHING, fitSeconds: 0 };
    });
    const { refusal, content, fitSeconds } = outcome;
    const status = refusal === null ? "published" : refusal.cause === "Failed" ? "failed" : "refused";
    const { whole, data, now } = this.#options;
    const record: ModelVersion = {
      version,
      algorithm: algorithm.name,
      status,
      reason: refusal?.reason ?? "",
      configuration: this.#configuration(judged, decision),
      dataFrom: data.from,
      dataTo: data.to,
      events: data.events,
      actors: whole.matrix.actorCount,
      items: whole.matrix.itemCount,
      metrics: judged.metrics,
      ...content,
      fitSeconds,
      createdAt: now(),
    };
    await recordVersion(this.#work.clickhouse, record);
    return {
      version,
      algorithm: algorithm.name,
      status,
      reason: record.reason,
      cause: refusal?.cause ?? null,
      fitSeconds,
    };
  }

  async #outcome({ algorithm }: Judged, { refusal, label, onProgress }: Decision) {
    if (refusal !== null) return { refusal, content: NOTHING, fitSeconds: 0 };
    const { whole, gate } = this.#options;
    const version = this.#nameOf(label);
    const model = await whole.fit(algorithm, (share) => onProgress(share * 0.9));
    const fitSeconds = whole.seconds(algorithm);
    const fault = await model.fault();
    if (fault !== undefined) {
      return { refusal: { cause: "Degenerate" as const, reason: fault }, content: NOTHING, fitSeconds };
    }
    await model.store(version);
    const { clickhouse, layout } = this.#work;
    const megabytes = (await modelBytes(clickhouse, version)) / MEGABYTE;
    if (megabytes > gate.maxModelMegabytes) {
      await dropVersion(clickhouse, layout, version);
      const reason = `it is ${megabytes.toFixed(1)} MB large, gate.maxModelMegabytes is ${gate.maxModelMegabytes}`;
      return { refusal: { cause: "TooLarge" as const, reason }, content: NOTHING, fitSeconds };
    }
    return { refusal: null, content: await readContent(clickhouse, version), fitSeconds };
  }

  #configuration({ algorithm }: Judged, { parent, comparedBefore, lift }: Decision): VersionConfiguration {
    const { data } = this.#options;
    const { components } = algorithm;
    return {
      parameters: algorithm.parameters,
      ...(components === undefined
        ? {}
        : { components: Object.fromEntries(components.map(({ name }) => [name, this.#nameOf(name)])) }),
      parent,
      release: packageFile.version,
      lookbackDays: data.lookbackDays,
      weighting: data.weighting,
      holdout: {
        from: new Date(data.boundary).toISOString(),
        actors: data.actors,
        comparedBefore: new Date(comparedBefore).toISOString(),
      },
      judgedBy: data.judgedBy,
      lift,
    };
  }
}

const NOTHING = { entries: 0, checksum: "" };
