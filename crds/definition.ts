/** The CustomResourceDefinition that a cluster installs. */
import { API_VERSION, GROUP, KIND, VERSION } from "./pipeline.ts";
import { pipelineSchema, type Schema } from "./schema.ts";

const PLURAL = "recommenderpipelines";

const PRINTER_COLUMNS = [
  { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
  { name: "Model", type: "string", jsonPath: ".status.model.version" },
  { name: "Score", type: "string", jsonPath: ".status.model.score" },
  { name: "Lag", type: "integer", jsonPath: ".status.source.lag" },
  { name: "Endpoint", type: "string", jsonPath: ".status.serving.url" },
  { name: "Image", type: "string", jsonPath: ".status.image", priority: 1 },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
] as const;

/** The definition as the API server takes it, `apiextensions.k8s.io/v1`. */
export function customResourceDefinition() {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: KIND.toLowerCase(),
        shortNames: ["rp"],
        categories: ["all"],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: ".spec.serving.replicas",
              statusReplicasPath: ".status.serving.replicas",
              labelSelectorPath: ".status.serving.selector",
            },
          },
          additionalPrinterColumns: PRINTER_COLUMNS,
          schema: { openAPIV3Schema: rootSchema() },
        },
      ],
    },
  };
}

/** The API server owns apiVersion, kind and metadata: the schema may name them, and say no more. */
function rootSchema(): Schema {
  const { properties, ...root } = structural(pipelineSchema);
  return {
    ...root,
    required: ["spec"],
    properties: {
      ...properties,
      apiVersion: { type: "string", description: `Always ${API_VERSION}.` },
      kind: { type: "string", description: `Always ${KIND}.` },
      metadata: { type: "object" },
    },
  };
}

/** The schema without what only our own tools read. */
function structural({ unit: _, ...node }: Schema): Schema {
  const rules = node["x-kubernetes-validations"]?.map(({ id: _id, at: _at, ...taken }) => taken);
  return {
    ...node,
    ...(node.properties && { properties: mapValues(node.properties, structural) }),
    ...(node.additionalProperties && { additionalProperties: structural(node.additionalProperties) }),
    ...(node.items && { items: structural(node.items) }),
    ...(rules && { "x-kubernetes-validations": rules }),
  } as Schema;
}

function mapValues<In, Out>(record: Readonly<Record<string, In>>, change: (value: In) => Out): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
