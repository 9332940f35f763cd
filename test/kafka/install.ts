/**
 * Apache Kafka for tests: fetched once through Maven into a cache outside the repository.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const KAFKA = "4.1.1";
const SLF4J = "1.7.36";
const FETCH_TIMEOUT_MILLISECONDS = 300_000;

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>${SLF4J}</version></dependency>
  </dependencies>
</project>
`;

/** What is missing on this machine to run a broker, with what to install; `null`: nothing. */
export async function missingForKafka(): Promise<string | null> {
  const needed = [
    ["java", "-version", "a Java runtime of at least 17 (Debian: openjdk-17-jre-headless)"],
    ["mvn", "--version", "Maven (Debian: maven)"],
    ["openssl", "version", "OpenSSL (Debian: openssl)"],
  ] as const;
  const missing: string[] = [];
  for (const [program, argument, install] of needed) {
    await run(program, [argument]).catch(() => missing.push(install));
  }
  return missing.length === 0 ? null : `the Kafka suites need ${missing.join(" and ")}`;
}

/** @returns the folder with the broker's jars */
export async function installKafka(): Promise<string> {
  const cache = join(process.env.PRODUCTMATCHER_TEST_CACHE ?? join(tmpdir(), "productmatcher-test-cache"));
  const folder = join(cache, `kafka-${KAFKA}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "fetching-"));
  try {
    writeFileSync(join(work, "pom.xml"), POM);
    const copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
    const options = ["-q", "-B", "-f", join(work, "pom.xml"), copy, `-DoutputDirectory=${join(work, "libs")}`];
    await run("mvn", [...options, "-DincludeScope=runtime"], { timeout: FETCH_TIMEOUT_MILLISECONDS });
    try {
      renameSync(join(work, "libs"), folder);
    } catch (error) {
      // Another run was faster.
      if (!existsSync(folder)) throw error;
    }
    return folder;
  } finally {
    rmSync(work, { recursive: true });
  }
}
