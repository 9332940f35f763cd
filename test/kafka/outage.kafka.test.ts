import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Broker, PASSWORD, startBroker, USER } from "./broker.ts";
import { describeKafka, numbered, numberOf, openLog, PATIENT, positionsAfter } from "./suite.ts";

/** A sign-in holds for so long: then the broker asks for it again, or ends the connection. */
const SIGN_IN_MILLISECONDS = 12_000;

describeKafka("while the broker", () => {
  let broker: Broker;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "productmatcher-kafka-secrets-"));
    broker = await startBroker({
      properties: { "listener.name.sasl_ssl.connections.max.reauth.ms": `${SIGN_IN_MILLISECONDS}` },
    });
  });
  afterAll(async () => {
    await broker.remove();
    rmSync(folder, { recursive: true });
  });

  /** Appends and reads side by side until told, then reads the rest. */
  async function load(options: Parameters<typeof openLog>[0], disturb: () => Promise<void>) {
    const topic = `load-${randomUUID()}`;
    const log = openLog(options);
    const reader = await log.subscribe({ group: topic, topics: [topic], startFrom: "Earliest" });
    let sent = 0;
    let over = false;
    const stored = new Map<number, number>();
    const sending = (async () => {
      while (!over) {
        await log.append(topic, numbered(sent, 200));
        sent += 200;
        await sleep(10);
      }
    })();
    const reading = (async () => {
      while (!over || stored.size < sent) {
        const records = await reader.poll({ ...PATIENT, waitMilliseconds: 100 });
        for (const record of records) stored.set(numberOf(record), (stored.get(numberOf(record)) ?? 0) + 1);
        await reader.commit(positionsAfter(records));
      }
    })();
    await Promise.race([disturb(), sending, reading]);
    over = true;
    await Promise.all([sending, reading]);
    const lag = await reader.lag();
    const again = [...stored.values()].reduce((sum, times) => sum + times - 1, 0);
    console.log(`sent ${sent}, stored ${stored.size}, lost ${sent - stored.size}, again ${again}`);
    return { log, sent, stored, lag: lag.reduce((sum, { offset, endOffset }) => sum + endOffset - offset, 0) };
  }

  it("is killed and comes back, appends wait, and nothing is lost", async () => {
    const { sent, stored, lag } = await load({ bootstrapServers: [broker.plaintext] }, async () => {
      await sleep(1_500);
      await broker.kill();
      await sleep(1_000);
      await broker.start();
      await sleep(1_500);
    });
    expect(stored.size).toBe(sent);
    expect(sent).toBeGreaterThan(2_000);
    expect(lag).toBe(0);
  });

  it("gets another password for the user, and the file follows two seconds later, the load goes on", async () => {
    const passwordFile = join(folder, "password");
    writeFileSync(passwordFile, PASSWORD);
    const { caFile } = broker.certificates;
    const sasl = { mechanism: "SCRAM-SHA-512", username: USER, passwordFile } as const;
    const { sent, stored, lag } = await load(
      { bootstrapServers: [broker.sasl], tls: { caFile }, sasl, requestTimeoutMilliseconds: 30_000 },
      async () => {
        await broker.setScramPassword("second password");
        await sleep(2_000);
        writeFileSync(passwordFile, "second password");
        // By now every connection has signed in again.
        await sleep(SIGN_IN_MILLISECONDS + 2_000);
      },
    );
    expect(stored.size).toBe(sent);
    expect(lag).toBe(0);
    writeFileSync(passwordFile, PASSWORD);
    const old = openLog({ bootstrapServers: [broker.sasl], tls: { caFile }, sasl, requestTimeoutMilliseconds: 200 });
    await expect(old.append("any", numbered(0, 1))).rejects.toMatchObject({ code: "sign_in_refused" });
  });
});
