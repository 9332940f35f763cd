import type { ClickHouse } from "../clickhouse/index.ts";

export interface UserNeighbours {
  /** The version that says so. */
  readonly model: string;
  /** The most alike first; similarity: cosine of what they touched, 0 to 1. Nobody for a user that was not in training. */
  readonly neighbours: readonly { readonly user: string; readonly similarity: number }[];
}

const QUERY = `
SELECT arraySlice(neighbours, 1, {limit:UInt32}) AS users, arraySlice(weights, 1, {limit:UInt32}) AS similarities
FROM model_user_neighbours
WHERE version = {version:String} AND actor_id = {user:String}`;

/** Asked of ClickHouse each time: nobody needs them while a page loads. @throws ClickHouseError */
export async function readUserNeighbours(
  clickhouse: ClickHouse,
  version: string,
  user: string,
  limit: number,
): Promise<UserNeighbours> {
  const [row] = await clickhouse.query<{ users: string[]; similarities: number[] }>(QUERY, { version, user, limit });
  const { users = [], similarities = [] } = row ?? {};
  return {
    model: version,
    neighbours: users.map((neighbour, at) => ({ user: neighbour, similarity: similarities[at] as number })),
  };
}
