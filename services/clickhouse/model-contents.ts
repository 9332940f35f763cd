/** The tables that hold the rows of models, each with a partition a version. */
export const MODEL_TABLES = {
  model_neighbours: "item_id, neighbours, weights",
  model_user_neighbours: "actor_id, neighbours, weights",
  model_item_features: "item_id, names, values",
  model_rankings: "rank, item_id, score",
  model_sessions: "session, ended_at, items",
  model_vectors: "item_id, vector",
  model_weights: "feature, weight",
} as const satisfies Readonly<Record<string, string>>;

const NAMES = Object.keys(MODEL_TABLES);

/** Subquery of the versions that have rows. */
export const storedVersions = NAMES.map((table) => `SELECT version FROM ${table}`).join(" UNION DISTINCT ");

/** Subquery of a hash for each row of the parameter `version`. */
export const contentHashes = Object.entries(MODEL_TABLES)
  .map(([table, columns]) => `SELECT cityHash64(${columns}) AS hash FROM ${table} WHERE version = {version:String}`)
  .join("\n  UNION ALL\n  ");

/** Subquery of the bytes of each row of the parameter `version`. */
export const contentSizes = Object.entries(MODEL_TABLES)
  .map(([table, columns]) => `SELECT byteSize(${columns}) AS size FROM ${table} WHERE version = {version:String}`)
  .join("\n  UNION ALL\n  ");
