/** Amounts of cpu and memory as the API server writes them, so that equal amounts are equal text. */

const DECIMAL = ["", "k", "M", "G", "T"];
const BINARY = ["", "Ki", "Mi", "Gi", "Ti"];
const THOUSAND = 1000n;
const KIBI = 1024n;

/** `2` and `2000m` are `2`, `0.5Gi` is `512Mi`. */
export function canonicalQuantity(amount: string | number): string {
  const match = /^(\d+)(?:\.(\d+))?(m|[kMGT]i?)?$/.exec(String(amount));
  if (match === null) return String(amount);
  const [, whole = "0", fraction = "", suffix = ""] = match;
  // In thousandths, rounded up as the API server does below its precision.
  const scale = 10n ** BigInt(fraction.length);
  const digits = BigInt(whole + fraction);
  const thousandths = divideUp(digits * unit(suffix), scale);
  const isBinary = suffix.endsWith("i");
  if (thousandths % THOUSAND !== 0n) return isBinary ? decimal(thousandths) : `${thousandths}m`;
  return isBinary && thousandths >= KIBI * THOUSAND ? binary(thousandths / THOUSAND) : decimal(thousandths);
}

/** Thousandths in one. */
function unit(suffix: string): bigint {
  if (suffix === "m") return 1n;
  if (suffix.endsWith("i")) return THOUSAND * KIBI ** BigInt(BINARY.indexOf(suffix));
  return THOUSAND ** BigInt(DECIMAL.indexOf(suffix) + 1);
}

function divideUp(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

function decimal(thousandths: bigint): string {
  if (thousandths % THOUSAND !== 0n) return `${thousandths}m`;
  return withSuffix(thousandths / THOUSAND, THOUSAND, DECIMAL);
}

function binary(value: bigint): string {
  return withSuffix(value, KIBI, BINARY);
}

function withSuffix(value: bigint, base: bigint, suffixes: readonly string[]): string {
  let rest = value;
  let step = 0;
  while (rest !== 0n && rest % base === 0n && step < suffixes.length - 1) {
    rest /= base;
    step += 1;
  }
  return `${rest}${suffixes[step]}`;
}
