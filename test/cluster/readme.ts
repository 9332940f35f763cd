/** What a page tells its reader to type. */

/**
 * The shell commands of a section, as they stand: its fenced blocks of `sh`, in order.
 *
 * @param heading of the second level
 * @throws Error when the page has no such section, or nothing to type in it
 */
export function commandsUnder(heading: string, page: string): string {
  const section = page.split(/^(?=## )/m).find((part) => part.startsWith(`## ${heading}\n`));
  const blocks = [...(section ?? "").matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands);
  if (blocks.length === 0) throw new Error(`no commands under ## ${heading}`);
  return blocks.join("");
}
