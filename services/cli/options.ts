/** How options of the commands are read. */
import { InvalidArgumentError, Option } from "commander";

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text.trim()) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}.`);
  };
}

export function wholeNumberFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`expected a whole number of at least ${least}`);
  };
}

export function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new InvalidArgumentError("must be a whole number from 0 to 65535; 0 takes any free port.");
}

export const fileOption = () => new Option("-f, --file <resource>", "the RecommenderPipeline of a cluster");

export const secretsOption = () =>
  new Option("--secrets <folder>", "where Secrets are mounted, as <secret>/<key>").default(
    "/etc/productmatcher/secrets",
  );
