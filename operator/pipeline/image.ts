/** Which images an operator can drive: those of its own minor version and of the one before. */

interface Version {
  readonly major: number;
  readonly minor: number;
}

/** Why the operator cannot drive an image; `null`: it can, or the tag is no version and says nothing. */
export function imageFault(image: string, operatorVersion: string): string | null {
  const own = versionIn(operatorVersion);
  const tag = /:([^:/@]+)(@.*)?$/.exec(image)?.[1] ?? "";
  const its = versionIn(tag);
  if (own === null || its === null) return null;
  const behind = own.minor - its.minor;
  if (own.major === its.major && (behind === 0 || behind === 1)) return null;
  const oldest = Math.max(own.minor - 1, 0);
  return (
    `image ${image} is of version ${its.major}.${its.minor}; this operator (${operatorVersion}) drives ` +
    `${own.major}.${oldest} to ${own.major}.${own.minor}: choose such an image, or remove spec.image`
  );
}

function versionIn(text: string): Version | null {
  const match = /^v?(\d+)\.(\d+)\.\d+(?:[-+].*)?$/.exec(text);
  return match === null ? null : { major: Number(match[1]), minor: Number(match[2]) };
}
