/**
 * Connections to the brokers: encrypted and signed in as the options say, with secrets read at each new connection,
 * and a way to cut all of them off, which kafkajs itself lacks.
 */
import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import kafkajs, { type ISocketFactoryArgs, type Kafka } from "kafkajs";
import { registerCodecs } from "./codecs.ts";
import { correctKafkajs } from "./corrections.ts";
import type { CompiledOptions, TlsFiles } from "./options.ts";
import { signIn } from "./sign-in.ts";

const KEEP_ALIVE_MILLISECONDS = 60_000;
const CONNECT_TIMEOUT_MILLISECONDS = 10_000;
const REQUEST_TIMEOUT_MILLISECONDS = 30_000;

/** About three seconds of attempts inside kafkajs: what must outlast an outage is tried again above it. */
const RETRIES = 5;
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 } as const;

export interface Client {
  readonly kafka: Kafka;
  /** Ends every connection and refuses new ones: nothing that is still being retried can reach a broker any more. */
  cutOff(): void;
}

/** @param retries how often kafkajs itself tries again, up to a second apart */
export function openClient(options: CompiledOptions, retries = RETRIES): Client {
  registerCodecs();
  correctKafkajs();
  const { bootstrapServers, clientId, tls, sasl, now } = options;
  const sockets = new Set<Socket>();
  let open = true;

  const socketFactory = ({ host, port, onConnect }: ISocketFactoryArgs): Socket => {
    if (!open) throw new Error("this client was cut off");
    const socket = tls === undefined ? connect({ host, port }, onConnect) : secure(tls, host, port, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MILLISECONDS);
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    return socket;
  };
  const kafka = new kafkajs.Kafka({
    clientId,
    brokers: [...bootstrapServers],
    ssl: tls !== undefined,
    ...(sasl === undefined ? {} : { sasl: signIn(sasl, now) }),
    socketFactory,
    connectionTimeout: CONNECT_TIMEOUT_MILLISECONDS,
    authenticationTimeout: CONNECT_TIMEOUT_MILLISECONDS,
    requestTimeout: REQUEST_TIMEOUT_MILLISECONDS,
    enforceRequestTimeout: true,
    retry: { ...RETRY, retries },
    logLevel: kafkajs.logLevel.NOTHING,
  });
  return {
    kafka,
    cutOff() {
      open = false;
      // With an error: a socket that only closes leaves kafkajs waiting for its answers.
      for (const socket of sockets) socket.destroy(new Error("this client was cut off"));
    },
  };
}

function secure(tls: TlsFiles, host: string, port: number, onConnect: () => void): Socket {
  const { caFile, certificateFile, keyFile } = tls;
  return connectTls(
    {
      host,
      port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
      ...(certificateFile === undefined ? {} : { cert: readFileSync(certificateFile) }),
      ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
    },
    onConnect,
  );
}
