/**
 * Tokens for Amazon MSK: a request signed with the pod's own role, made without asking anyone but the source of the
 * role's credentials.
 */
import { type Token, TokenError } from "./tokens.ts";

const PACKAGE = "aws-msk-iam-sasl-signer-js";

/** @param region of the cluster. @throws TokenError */
export async function signMskToken(region: string): Promise<Token> {
  const { generateAuthToken } = await import("aws-msk-iam-sasl-signer-js").catch((error: unknown) => {
    throw new TokenError("token_unreachable", `${PACKAGE} is not installed: npm install ${PACKAGE}`, { cause: error });
  });
  try {
    const { token, expiryTime } = await generateAuthToken({ region });
    return { value: token, expiresAt: expiryTime };
  } catch (error) {
    const advice = "has the pod's service account a role (EKS Pod Identity, or IRSA)?";
    throw new TokenError("token_refused", `no AWS credentials: ${(error as Error).message}; ${advice}`, {
      cause: error,
    });
  }
}
