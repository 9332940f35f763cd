import { expect, test } from "vitest";
import { commandsUnder } from "./readme.ts";

const PAGE = `# Shop

## Try it

\`\`\`sh
npm start
\`\`\`

## On a cluster

\`\`\`sh
one \\
  two   # three
\`\`\`

which prints

\`\`\`
four
\`\`\`

\`\`\`sh
five
\`\`\`

### More

## Else
`;

test("takes the shell commands of a section, word for word and in order", () => {
  expect(commandsUnder("On a cluster", PAGE)).toBe("one \\\n  two   # three\nfive\n");
});

test("says so where there is nothing to run", () => {
  expect(() => commandsUnder("Else", PAGE)).toThrow("no commands under ## Else");
  expect(() => commandsUnder("On a", PAGE)).toThrow("no commands under ## On a");
});
