export const SNIPPET = "";
