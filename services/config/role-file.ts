/** The files that the operator writes for roles: resources that hold the fields which a role reads. */
import type { RecommenderPipeline } from "../../crds/index.ts";

/** Names of the files in a role's folder of configuration. */
export const ROLE_FILE = "pipeline.yaml";
export const LIVE_FILE = "live.yaml";

/** Of the files' form. */
export const CONFIG_VERSION = "1";
export const CONFIG_VERSION_ANNOTATION = "productmatcher.dev/config-version";

/** A role's file is of a form that this release does not know. */
export class ConfigVersionError extends Error {
  override readonly name = "ConfigVersionError";
  readonly code = "ConfigurationRejected";
}

/**
 * Whether the operator wrote it for a role, and not a person.
 *
 * @throws ConfigVersionError
 */
export function isRoleFile({ metadata }: RecommenderPipeline): boolean {
  const version = metadata.annotations?.[CONFIG_VERSION_ANNOTATION];
  if (version === undefined || version === CONFIG_VERSION) return version !== undefined;
  throw new ConfigVersionError(
    `the file is of form ${version} and this release reads form ${CONFIG_VERSION}: run the image that the operator names, or an operator of this release`,
  );
}
