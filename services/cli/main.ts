import { Command } from "commander";

const program = new Command("productmatcher").description("Real-time recommendations for a shop, from one resource");
await program.parseAsync();
