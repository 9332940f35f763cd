import type { Board } from "../board.ts";
import { business } from "./business.ts";
import { capacity } from "./capacity.ts";
import { ingestion } from "./ingestion.ts";
import { models } from "./models.ts";
import { operator } from "./operator.ts";
import { overview } from "./overview.ts";
import { serving } from "./serving.ts";

export const BOARDS: readonly Board[] = [overview, ingestion, models, serving, business, operator, capacity];
