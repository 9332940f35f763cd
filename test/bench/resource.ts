/** The smallest pipeline: nothing is enriched, the seed topics come from the replayed file. */
export const BENCH_RESOURCE = `apiVersion: productmatcher.dev/v1alpha1
kind: RecommenderPipeline
metadata:
  name: bench
spec:
  source:
    kafka:
      bootstrapServers: [kafka:9092]
  sink:
    clickhouse:
      url: http://clickhouse:8123
      credentials:
        secretRef:
          name: clickhouse
  collector: {}
`;
