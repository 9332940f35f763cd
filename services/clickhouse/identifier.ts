/** A name in backquotes, as ClickHouse reads it whatever its characters. */
export function identifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}
