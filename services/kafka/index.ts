/**
 * The activity log on Apache Kafka: all that the program knows of kafkajs is in this folder.
 */
export { KafkaLogError, type KafkaLogErrorCode } from "./errors.ts";
export { type KafkaLog, openKafkaLog } from "./log.ts";
export {
  COMPRESSIONS,
  type Compression,
  type KafkaLogEvent,
  type KafkaLogOptions,
  type MskIam,
  type OAuthFiles,
  type PasswordFiles,
  type SaslFiles,
  type TlsFiles,
  type TopicDefaults,
} from "./options.ts";
export { ensureTopics, type OwnTopic, ownTopics } from "./own-topics.ts";
export type { KafkaSubscription, SubscriptionStatus } from "./subscription.ts";
