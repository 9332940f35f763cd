#!/usr/bin/env node
// The published package holds compiled JavaScript (Node strips no types below node_modules); a checkout runs as it is.
import { existsSync } from "node:fs";

const compiled = new URL("../dist/services/cli/main.js", import.meta.url);
await import(existsSync(compiled) ? compiled.href : new URL("../services/cli/main.ts", import.meta.url).href);
