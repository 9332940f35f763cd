import { type KafkaLog, type KafkaLogEvent, type KafkaLogOptions, openKafkaLog } from "../kafka/index.ts";
import { kafkaOptions } from "./connections.ts";
import type { RoleContext } from "./role.ts";

/** What is missing is told soon: the start of a role waits for it, however long. */
const REQUEST_TIMEOUT_MILLISECONDS = 10_000;

/**
 * The activity log on the pipeline's Kafka cluster. Nothing is connected yet, but its secrets are there.
 *
 * @param onFailure is told what brokers failed with; it is tried again
 */
export async function kafkaLog(
  role: string,
  context: RoleContext,
  limits: Pick<KafkaLogOptions, "maxBufferedBytes"> = {},
  onFailure: (error: Error) => void = () => {},
): Promise<KafkaLog> {
  const { pipeline, names, secrets, startup, logger, onClose } = context;
  const onEvent = (event: KafkaLogEvent) => {
    if (event.kind === "retrying") {
      logger.warn({ err: event.error }, `${event.doing} failed; trying again`);
      onFailure(event.error);
    } else logger.info(event, "kafka");
  };
  const options = await startup.step("Role", "reading the secrets of Kafka", () =>
    kafkaOptions(pipeline.spec.source.kafka, secrets, { clientId: `${names.prefix}.${role}`, onEvent }),
  );
  const log = openKafkaLog({ ...options, ...limits, requestTimeoutMilliseconds: REQUEST_TIMEOUT_MILLISECONDS });
  onClose(() => log.close());
  return log;
}
