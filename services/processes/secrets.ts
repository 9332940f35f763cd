/**
 * Secrets as a pod has them: each mounted as a folder of its name, with a file a key. What the resource refers to is
 * found as `<folder>/<secret>/<key>`; a file is read again whenever its content is needed, so a rotated secret acts
 * without a restart.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface SecretKey {
  readonly name: string;
  readonly key: string;
}

/** A secret that the resource names is not there; it may come at any moment. */
export class SecretMissingError extends Error {
  override readonly name = "SecretMissingError";
  readonly code: "SecretMissing" | "SecretKeyMissing";
  readonly secret: SecretKey;

  constructor(code: SecretMissingError["code"], secret: SecretKey, message: string) {
    super(message);
    this.code = code;
    this.secret = secret;
  }
}

export interface Secrets {
  /** Its file, once it is known to be there. @throws SecretMissingError */
  present(secret: SecretKey): Promise<string>;
  /** Without the line break that editors leave at the end. @throws SecretMissingError */
  read(secret: SecretKey): Promise<string>;
}

export function mountedSecrets(folder: string): Secrets {
  const file = ({ name, key }: SecretKey) => join(folder, name, key);
  const read = async (secret: SecretKey) => {
    try {
      return (await readFile(file(secret), "utf8")).replace(/\r?\n$/, "");
    } catch (error) {
      throw missing(folder, secret, error);
    }
  };
  return {
    read,
    async present(secret) {
      await read(secret);
      return file(secret);
    },
  };
}

function missing(folder: string, secret: SecretKey, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOENT" && code !== "ENOTDIR") return error;
  const message = `Secret ${secret.name} has no key ${secret.key} (looked for ${join(folder, secret.name, secret.key)}): create it, or correct the reference in the resource`;
  return new SecretMissingError("SecretKeyMissing", secret, message);
}
