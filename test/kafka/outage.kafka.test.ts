import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Broker, freePorts, PASSWORD, startBroker, USER } from "./broker.ts";
import { describeKafka, numbered, numberOf, openLog, PATIENT, positionsAfter } from "./suite.ts";

/** A sign-in holds for so long: then the broker asks for it again, or ends the connection. */
const SIGN_IN_MILLISECONDS = 12_000;

describeKafka("while the broker", () => {
  let broker: Broker;
  let folder: string;
  let ports: readonly [behind: number, lossy: number, ...unknown[]];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "productmatcher-kafka-secrets-"));
    ports = await freePorts(4);
    broker = await startBroker({
      behind: { port: ports[0], advertisedPort: ports[1] },
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

  it("stores but its acknowledgements get lost, every record is there once, in order", async () => {
    let answers = 0;
    let lost = 0;
    const proxy = createServer((client) => {
      const server = connect(ports[0], "127.0.0.1");
      for (const socket of [client, server]) socket.on("error", () => {});
      client.on("close", () => server.destroy());
      server.on("close", () => client.destroy());
      client.pipe(server);
      server.on("data", (answer) => {
        answers += 1;
        if (answers % 8 !== 0) return client.write(answer);
        lost += 1;
        return client.destroy();
      });
    });
    await new Promise<void>((resolve) => proxy.listen(ports[1], "127.0.0.1", resolve));
    const topic = `lossy-${randomUUID()}`;
    const log = openLog({ bootstrapServers: [broker.plaintext] });
    await log.createTopic(topic, { partitions: 1, replicationFactor: 1 });
    const lossy = openLog({ bootstrapServers: [`127.0.0.1:${ports[1]}`] });
    for (let sent = 0; sent < 4_000; sent += 100) {
      await Promise.all([lossy.append(topic, numbered(sent, 50)), lossy.append(topic, numbered(sent + 50, 50))]);
    }
    await lossy.close();
    await new Promise((resolve) => proxy.close(resolve));
    const tail = await log.subscribe({ group: null, topics: [topic], startFrom: "Earliest" });
    const numbers: number[] = [];
    while (numbers.length < 4_000) numbers.push(...(await tail.poll(PATIENT)).map(numberOf));
    numbers.push(...(await tail.poll(PATIENT)).map(numberOf));
    console.log(`acknowledgements and other answers lost: ${lost} of ${answers}`);
    expect(lost).toBeGreaterThan(5);
    expect(numbers).toEqual(Array.from({ length: 4_000 }, (_, index) => index));
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
