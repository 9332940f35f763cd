/**
 * A real broker: Apache Kafka, broker and controller in one process. Started, stopped, killed and started again on the
 * same data.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { openKafkaLog } from "../../services/kafka/index.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";
import { installKafka } from "./install.ts";
import { makeTokenKey } from "./tokens.ts";

const run = promisify(execFile);

const LOOPBACK = "127.0.0.1";
const CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk";
const READY_TIMEOUT_MILLISECONDS = 60_000;
const STOP_TIMEOUT_MILLISECONDS = 30_000;
/** Small and quick to start rather than fast: two cores are shared with the suites. */
const JAVA_OPTIONS = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

export const USER = "shop";
export const PASSWORD = "first password";
/** Signed in to anew after half of it. */
export const OAUTH_SESSION_MILLISECONDS = 6_000;

export interface BrokerOptions {
  /** Address of this machine that clients come to; 127.0.0.1 when absent. */
  readonly host?: string;
  /** One listener more, plain, which tells clients to come by another port: there something stands in between. */
  readonly behind?: { readonly port: number; readonly advertisedPort: number };
  /** Further lines of server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** host:port of each listener. */
export interface BrokerAddresses {
  readonly plaintext: string;
  /** TLS; asks the client for its certificate. */
  readonly tls: string;
  /** TLS and sign-in as `USER`, by PLAIN and SCRAM. */
  readonly sasl: string;
  /** TLS and sign-in by tokens that `tokenKeyFile` has signed; a session ends `OAUTH_SESSION_MILLISECONDS` after it. */
  readonly oauth: string;
}

export interface BrokerDescription extends BrokerAddresses {
  readonly certificates: Certificates;
  readonly tokenKeyFile: string;
}

export interface Broker extends BrokerDescription {
  readonly pid: () => number;
  /** Orderly. The data stays. */
  stop(): Promise<void>;
  /** As when the power fails. */
  kill(): Promise<void>;
  /** On the same data and ports, after `stop` or `kill`. */
  start(): Promise<void>;
  /** Of `USER`, for SCRAM-SHA-512: a user has one password for each mechanism. */
  setScramPassword(password: string): Promise<void>;
  /** Stops it if it runs, and removes its data. */
  remove(): Promise<void>;
}

/** @returns once it answers everything that the suites ask, groups included */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const jars = join(await installKafka(), "*");
  const host = options.host ?? LOOPBACK;
  const folder = mkdtempSync(join(tmpdir(), "productmatcher-kafka-"));
  const certificates = await makeCertificates(folder, host);
  const { tokenKeyFile, jwksFile } = makeTokenKey(folder);
  const [plaintext, tls, sasl, controller, oauth] = await freePorts(5, host);
  const properties = join(folder, "server.properties");
  const lines = serverProperties(folder, certificates, jwksFile, host, { plaintext, tls, sasl, oauth, controller });
  writeFileSync(properties, write({ ...lines, ...behind(lines, options.behind), ...options.properties }));
  const java = (...words: string[]) =>
    run("java", ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", jars, ...words]);
  await java(
    ...["kafka.tools.StorageTool", "format", "--config", properties, "--cluster-id", CLUSTER_ID],
    ...["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name=${USER},password=${PASSWORD}]`,
    ]),
  );

  const output = join(folder, "output.log");
  let child: ChildProcess | null = null;
  let exited: Promise<unknown> = Promise.resolve();
  const start = async () => {
    const out = openSync(output, "a");
    const level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
    const allowed = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${pathToFileURL(jwksFile)}`;
    const started = spawn("java", [...JAVA_OPTIONS, level, allowed, "-cp", jars, "kafka.Kafka", properties], {
      stdio: ["ignore", out, out],
    });
    closeSync(out);
    child = started;
    exited = new Promise((resolve) => started.once("exit", resolve));
    await ready(`${host}:${plaintext}`, started, output);
  };
  const end = async (signal: NodeJS.Signals) => {
    if (child === null) return;
    child.kill(signal);
    const timer = setTimeout(() => child?.kill("SIGKILL"), STOP_TIMEOUT_MILLISECONDS);
    await exited;
    clearTimeout(timer);
    child = null;
  };
  const killAtExit = () => child?.kill("SIGKILL");
  process.once("exit", killAtExit);
  const broker: Broker = {
    plaintext: `${host}:${plaintext}`,
    tls: `${host}:${tls}`,
    sasl: `${host}:${sasl}`,
    oauth: `${host}:${oauth}`,
    certificates,
    tokenKeyFile,
    pid() {
      if (child?.pid === undefined) throw new Error("the broker does not run");
      return child.pid;
    },
    start,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    async setScramPassword(password) {
      await java(
        ...["kafka.admin.ConfigCommand", "--bootstrap-server", `${host}:${plaintext}`, "--alter"],
        ...["--add-config", `SCRAM-SHA-512=[password=${password}]`, "--entity-type", "users", "--entity-name", USER],
      );
    },
    async remove() {
      await end("SIGKILL");
      process.removeListener("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await start();
  } catch (error) {
    await broker.remove();
    throw error;
  }
  return broker;
}

function serverProperties(
  folder: string,
  { caFile, brokerFile }: Certificates,
  jwksFile: string,
  host: string,
  ports: Record<"plaintext" | "tls" | "sasl" | "oauth" | "controller", number>,
): Record<string, string> {
  const addresses = { PLAINTEXT: ports.plaintext, SSL: ports.tls, SASL_SSL: ports.sasl, OAUTH: ports.oauth };
  const listeners = Object.entries(addresses).map(([name, port]) => `${name}://${host}:${port}`);
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@${LOOPBACK}:${ports.controller}`,
    "controller.listener.names": "CONTROLLER",
    listeners: [...listeners, `CONTROLLER://${LOOPBACK}:${ports.controller}`].join(","),
    "advertised.listeners": listeners.join(","),
    "listener.security.protocol.map":
      "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,OAUTH:SASL_SSL,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": join(folder, "data"),
    // A killed broker may register again once its session is over.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": brokerFile,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": caFile,
    "listener.name.ssl.ssl.client.auth": "required",
    "listener.name.sasl_ssl.ssl.client.auth": "none",
    "listener.name.sasl_ssl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.sasl_ssl.plain.sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`,
    "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
    ...oauthListener(jwksFile),
  };
}

function oauthListener(jwksFile: string): Record<string, string> {
  const oauthbearer = "org.apache.kafka.common.security.oauthbearer";
  const settings = {
    "sasl.jaas.config": `${oauthbearer}.OAuthBearerLoginModule required;`,
    "sasl.server.callback.handler.class": `${oauthbearer}.OAuthBearerValidatorCallbackHandler`,
    "sasl.oauthbearer.jwks.endpoint.url": `${pathToFileURL(jwksFile)}`,
    "connections.max.reauth.ms": `${OAUTH_SESSION_MILLISECONDS}`,
  };
  return {
    "listener.name.oauth.ssl.client.auth": "none",
    "listener.name.oauth.sasl.enabled.mechanisms": "OAUTHBEARER",
    ...Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [`listener.name.oauth.oauthbearer.${name}`, value]),
    ),
  };
}

function behind(
  { listeners, "advertised.listeners": advertised, "listener.security.protocol.map": map }: Record<string, string>,
  extra: BrokerOptions["behind"],
): Record<string, string> {
  if (extra === undefined) return {};
  return {
    listeners: `${listeners},BEHIND://127.0.0.1:${extra.port}`,
    "advertised.listeners": `${advertised},BEHIND://127.0.0.1:${extra.advertisedPort}`,
    "listener.security.protocol.map": `${map},BEHIND:PLAINTEXT`,
  };
}

function write(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** A fresh broker refuses groups, topics and producers for some seconds: an append and a subscription see all three. */
async function ready(address: string, child: ChildProcess, output: string): Promise<void> {
  const log = openKafkaLog({
    bootstrapServers: [address],
    topicDefaults: { partitions: 1, replicationFactor: 1 },
    requestTimeoutMilliseconds: READY_TIMEOUT_MILLISECONDS,
    deliveryTimeoutMilliseconds: READY_TIMEOUT_MILLISECONDS,
    fetchWaitMilliseconds: 50,
  });
  const gone = new Promise<never>((_resolve, reject) => {
    child.once("exit", (code) => {
      const said = existsSync(output) ? readFileSync(output, "utf8").slice(-2_000) : "";
      reject(new Error(`the broker ended with ${code}: ${said}`));
    });
  });
  gone.catch(() => {});
  const answered = (async () => {
    await log.append("ready", [{ key: null, value: new Uint8Array(1) }]);
    const subscription = await log.subscribe({ group: "ready", topics: ["ready"], startFrom: "Earliest" });
    await subscription.close();
  })();
  try {
    await Promise.race([answered, gone]);
  } finally {
    await Promise.race([log.close(), sleep(5_000)]);
  }
}

export async function freePorts(count: number, host = LOOPBACK): Promise<[number, number, number, number, number]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, host, resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = ports;
  return [first, second, third, fourth, fifth];
}
