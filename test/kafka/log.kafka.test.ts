import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { COMPRESSIONS, type SaslFiles } from "../../services/kafka/index.ts";
import { PASSWORD, USER } from "./broker.ts";
import { broker, describeKafka, numbered, openLog, takeNumbers } from "./suite.ts";

let topic: string;
let folder: string;

beforeEach(() => {
  topic = `log-${randomUUID()}`;
  folder = mkdtempSync(join(tmpdir(), "productmatcher-kafka-secrets-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const earliest = (group: string | null = null) => ({ group, topics: [topic], startFrom: "Earliest" }) as const;

describeKafka("compression", () => {
  it.each(COMPRESSIONS)("%s is read by the broker, and read back as the broker writes it", async (compression) => {
    const log = openLog({ compression });
    // The broker packs what arrives in another codec anew, with Kafka's own libraries.
    const rewritten = compression === "gzip" ? "lz4" : "gzip";
    await log.createTopic(topic, { partitions: 1, replicationFactor: 1 }, { "compression.type": rewritten });
    await log.append(topic, numbered(0, 5_000, 100));
    expect((await takeNumbers(await log.subscribe(earliest()), 5_000)).size).toBe(5_000);

    const packed = `${topic}-${compression}`;
    const codec = compression === "none" ? "uncompressed" : compression;
    await log.createTopic(packed, { partitions: 1, replicationFactor: 1 }, { "compression.type": codec });
    await openLog({ compression: "none" }).append(packed, numbered(0, 5_000, 100));
    const rewrittenTail = await log.subscribe({ ...earliest(), topics: [packed] });
    expect((await takeNumbers(rewrittenTail, 5_000)).size).toBe(5_000);
  });
});

describeKafka("connections", () => {
  it("are encrypted, and each side shows its certificate", async () => {
    const { caFile, client } = broker().certificates;
    const log = openLog({ bootstrapServers: [broker().tls], tls: { caFile, ...client } });
    await log.append(topic, numbered(0, 10));
    expect((await takeNumbers(await log.subscribe(earliest("tls")), 10)).size).toBe(10);

    const unknown = openLog({ bootstrapServers: [broker().tls], tls: client, requestTimeoutMilliseconds: 500 });
    const refused = await unknown.subscribe(earliest()).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "certificate_refused" });
    expect((refused as Error).message).toContain("check tls.caFile");
  });

  it.each(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const)("sign in by %s", async (mechanism) => {
    writeFileSync(join(folder, "user"), `${USER}\n`);
    writeFileSync(join(folder, "password"), `${PASSWORD}\n`);
    const sasl: SaslFiles = {
      mechanism,
      username: { file: join(folder, "user") },
      passwordFile: join(folder, "password"),
    };
    const { caFile } = broker().certificates;
    const options = { bootstrapServers: [broker().sasl], tls: { caFile }, sasl };
    const log = openLog(options);
    await log.append(topic, numbered(0, 10));
    expect((await takeNumbers(await log.subscribe(earliest(`sasl-${mechanism}`)), 10)).size).toBe(10);

    writeFileSync(join(folder, "password"), "wrong");
    const stranger = openLog({ ...options, requestTimeoutMilliseconds: 500 });
    await expect(stranger.subscribe(earliest())).rejects.toMatchObject({ code: "sign_in_refused" });
  });
});

describeKafka("errors", () => {
  it("say which topic is missing", async () => {
    const log = openLog({});
    const strict = openLog({ topicDefaults: undefined as never });
    await expect(strict.append(topic, numbered(0, 1))).rejects.toMatchObject({
      code: "topic_missing",
      place: { topic },
    });
    await log.append(topic, numbered(0, 1));
    await strict.append(topic, numbered(1, 1));
  });

  it("a record that its topic does not take fails its own append alone", async () => {
    const log = openLog({ compression: "none" });
    await log.createTopic(topic, { partitions: 1, replicationFactor: 1, maxRecordBytes: 100_000 });
    const large = [{ key: "0", value: new Uint8Array(2_000_000) }];
    const settled = await Promise.allSettled([
      log.append(topic, numbered(0, 10)),
      log.append(topic, large),
      log.append(topic, numbered(10, 10)),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(settled[1]).toMatchObject({ reason: { code: "record_too_large" } });
    await log.append(topic, numbered(20, 10));
    expect((await takeNumbers(await log.subscribe(earliest()), 30)).size).toBe(30);
  });

  it("an address where nobody listens ends an append in its time", async () => {
    const log = openLog({ bootstrapServers: ["127.0.0.1:9"], requestTimeoutMilliseconds: 500 });
    await expect(log.append(topic, numbered(0, 1))).rejects.toMatchObject({ code: "unreachable" });
  });
});

describeKafka("a reader", () => {
  it("goes on behind transaction markers and records that retention deleted", async () => {
    const log = openLog();
    await log.createTopic(topic, { partitions: 1, replicationFactor: 1 });
    const { Kafka, logLevel } = (await import("kafkajs")).default;
    const kafka = new Kafka({ brokers: [broker().plaintext], logLevel: logLevel.NOTHING });
    const producer = kafka.producer({ idempotent: true, transactionalId: topic, maxInFlightRequests: 1 });
    await producer.connect();
    const tail = await log.subscribe(earliest());
    const grouped = await log.subscribe(earliest(topic));
    const seen: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const transaction = await producer.transaction();
      // More than one fetch brings: the reader sees nothing of it but a later place.
      const value = round === 2 ? randomBytes(3_000_000) : `${round}`;
      await transaction.send({ topic, messages: [{ value }] });
      if (round === 2) await transaction.abort();
      else await transaction.commit();
      if (round !== 2) seen.push(...(await takeNumbers(tail, 1)));
    }
    expect(seen).toEqual([0, 1, 3, 4]);

    const admin = kafka.admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "10" }] });
    await log.append(topic, numbered(100, 10));
    await grouped.close();
    const again = await log.subscribe(earliest(topic));
    expect(Math.min(...(await takeNumbers(again, 10)))).toBe(100);
    await Promise.all([producer.disconnect(), admin.disconnect()]);
  });

  it("finds partitions that were added, and begins them at their first record", async () => {
    const log = openLog({ metadataMaxAgeMilliseconds: 500 });
    await log.createTopic(topic, { partitions: 1, replicationFactor: 1 });
    const reader = await log.subscribe({ ...earliest(topic), startFrom: "Latest" });
    const { Kafka, logLevel } = (await import("kafkajs")).default;
    const admin = new Kafka({ brokers: [broker().plaintext], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] });
    await admin.disconnect();
    await openLog().append(topic, numbered(0, 200));
    expect((await takeNumbers(reader, 200)).size).toBe(200);
    expect(new Set((await reader.lag()).map(({ partition }) => partition)).size).toBe(6);
  });

  it("holds no more in memory than it may, while the poller rests", async () => {
    const maxBufferedBytes = 4_000_000;
    const log = openLog({ maxBufferedBytes, compression: "none" });
    await log.append(topic, numbered(0, 20_000, 1_000));
    const tail = await log.subscribe(earliest());
    const oneFetch = 8 * 1024 * 1024;
    await expect.poll(() => tail.status().bufferedBytes).toBeGreaterThanOrEqual(maxBufferedBytes / 2);
    const { lastTick } = tail.status();
    await expect.poll(() => tail.status().lastTick).toBeGreaterThan(lastTick + 300);
    expect(tail.status().bufferedBytes).toBeLessThan(maxBufferedBytes + oneFetch);
    expect((await takeNumbers(tail, 20_000)).size).toBe(20_000);
  });

  it("a tail's group is gone after it was closed", async () => {
    const log = openLog({ clientId: topic });
    await log.append(topic, numbered(0, 1));
    const tail = await log.subscribe(earliest());
    await takeNumbers(tail, 1);
    const { Kafka, logLevel } = (await import("kafkajs")).default;
    const admin = new Kafka({ brokers: [broker().plaintext], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const groups = async () => (await admin.listGroups()).groups.filter(({ groupId }) => groupId.startsWith(topic));
    expect(await groups()).toHaveLength(1);
    await tail.close();
    expect(await groups()).toHaveLength(0);
    await admin.disconnect();
  });
});

describeKafka("kafkajs", () => {
  it("sets no timer in the past", async () => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    const log = openLog();
    await log.append(topic, numbered(0, 100));
    await takeNumbers(await log.subscribe(earliest("timers")), 100);
    const past = timers.mock.calls.filter(([, milliseconds = 0]) => milliseconds < 0);
    timers.mockRestore();
    expect(past).toEqual([]);
  });
});
