/** What the chart renders, switch by switch, and what it refuses. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse, stringify } from "yaml";
import { LEASE_NAME, leaseRights, pipelineRights } from "../../operator/pipeline/index.ts";
import packageFile from "../../package.json" with { type: "json" };
import { TABLES } from "../../services/shop/index.ts";
import {
  describeChart,
  helm,
  kindsOf,
  type Manifest,
  NAMESPACE,
  only,
  PROMETHEUS_OPERATOR,
  RELEASE,
  render,
  valuesArguments,
} from "./helm.ts";
import { EVERYTHING, MATRIX } from "./matrix.ts";
import { CHART } from "./next-chart.ts";

const EVERYTHING_RIGHTS = pipelineRights({ gatewayApi: true, keda: true });

async function podOf(values: object) {
  return only(await render(values), "Deployment").spec.template;
}

async function argumentsOf(values: object): Promise<string[]> {
  return (await podOf(values)).spec.containers[0].args;
}

describeChart("the chart", () => {
  test.for(MATRIX)("passes helm lint --strict: $name", async ({ values }) => {
    const said = await helm(["lint", "--strict", CHART, ...valuesArguments(values)]);
    expect(said).toContain("0 chart(s) failed");
  });

  test("has the version of the program", async () => {
    const { version, appVersion } = parse(await helm(["show", "chart", CHART]));
    expect([version, appVersion]).toEqual([packageFile.version, packageFile.version]);
  });

  test.for([
    [{ replicaCount: 3 }, "additional properties 'replicaCount' not allowed"],
    [{ image: { digest: "latest" } }, "does not match pattern"],
    [{ image: { pullPolicy: "Sometimes" } }, "value must be one of 'IfNotPresent', 'Always', 'Never'"],
    [{ replicas: "two" }, "got string, want integer"],
    [{ namespaces: ["Shop"] }, "does not match pattern"],
    [{ resources: { request: {} } }, "additional properties 'request' not allowed"],
    [{ monitoring: { podMonitor: { enabled: "yes" } } }, "got string, want boolean"],
  ] as const)("refuses %j", async ([values, message]) => {
    await expect(render(values)).rejects.toThrow(message);
  });

  test("takes what a chart that depends on it hands down", async () => {
    expect(await render({ enabled: true, global: { imageRegistry: "registry.example" } })).toEqual(await render());
  });
});

describeChart("the operator's pods", () => {
  test("run the program for all namespaces, with the image for the roles", async () => {
    expect(await argumentsOf({})).toEqual([
      "operator",
      `--pipeline-image=productmatcher:${packageFile.version}`,
      "--max-rollouts=5",
      "--workers=16",
      "--lease-seconds=10",
      "--monitoring-namespaces=monitoring",
    ]);
  });

  test("are told the namespaces, where some are named", async () => {
    const namespaces = ["shop", "shop-staging"];
    expect(await argumentsOf({ namespaces, monitoring: { namespaces: ["a", "b"] } })).toEqual(
      expect.arrayContaining(["--namespaces=shop,shop-staging", "--monitoring-namespaces=a,b"]),
    );
  });

  test("run an image by tag, or by digest whatever the tag", async () => {
    const imageOf = async (image: object) => {
      const { image: own, args } = (await podOf({ image })).spec.containers[0];
      return [own, args[1]];
    };
    const repository = "registry.example/productmatcher";
    const digest = `sha256:${"a".repeat(64)}`;
    expect(await imageOf({ repository, tag: "0.2.0" })).toEqual([
      `${repository}:0.2.0`,
      `--pipeline-image=${repository}:0.2.0`,
    ]);
    expect(await imageOf({ repository, tag: "0.2.0", digest })).toEqual([
      `${repository}@${digest}`,
      `--pipeline-image=${repository}@${digest}`,
    ]);
    expect((await argumentsOf({ pipelineImage: "other:1" }))[1]).toBe("--pipeline-image=other:1");
  });

  test("are placed, sized and labelled as the values say", async () => {
    const { metadata, spec } = await podOf(EVERYTHING);
    expect(metadata.labels).toEqual({
      "app.kubernetes.io/name": "productmatcher-operator",
      "app.kubernetes.io/instance": RELEASE,
      "shop.example/team": "discovery",
      "shop.example/zone": "inner",
    });
    expect(metadata.annotations).toEqual(EVERYTHING.podAnnotations);
    const { imagePullSecrets, priorityClassName, nodeSelector, tolerations, affinity } = EVERYTHING;
    expect(spec).toMatchObject({ imagePullSecrets, priorityClassName, nodeSelector, tolerations, affinity });
    expect(spec.topologySpreadConstraints).toEqual([
      {
        ...EVERYTHING.topologySpreadConstraints[0],
        labelSelector: {
          matchLabels: { "app.kubernetes.io/name": "productmatcher-operator", "app.kubernetes.io/instance": RELEASE },
        },
      },
    ]);
    const [container] = spec.containers;
    expect(container.resources).toEqual(EVERYTHING.resources);
    expect(container.env).toEqual([
      { name: "NODE_OPTIONS", value: "--max-old-space-size=512" },
      { name: "PRODUCTMATCHER_LOG", value: "debug" },
      ...EVERYTHING.env,
    ]);
  });

  test("rather keep apart, and give way to an eviction one at a time", async () => {
    const manifests = await render();
    const deployment = only(manifests, "Deployment");
    const [{ podAffinityTerm }] =
      deployment.spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    expect(podAffinityTerm.topologyKey).toBe("kubernetes.io/hostname");
    for (const { matchLabels } of [
      podAffinityTerm.labelSelector,
      only(manifests, "PodDisruptionBudget").spec.selector,
    ]) {
      expect(matchLabels).toEqual(deployment.spec.selector.matchLabels);
    }
    expect(deployment.spec.replicas).toBe(2);
    expect(only(manifests, "PodDisruptionBudget").spec.maxUnavailable).toBe(1);
    expect(kindsOf(await render({ replicas: 1 }))).not.toContain("PodDisruptionBudget");
    expect(kindsOf(await render({ podDisruptionBudget: { enabled: false } }))).not.toContain("PodDisruptionBudget");
  });

  test("may be reached by the monitoring alone", async () => {
    const policy = only(await render({ monitoring: { namespaces: ["observability"] } }), "NetworkPolicy");
    expect(policy.spec.ingress).toEqual([
      {
        from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "observability" } } }],
        ports: [{ port: "operations", protocol: "TCP" }],
      },
    ]);
    expect(only(await render({ monitoring: { namespaces: [] } }), "NetworkPolicy").spec.ingress).toEqual([]);
    expect(kindsOf(await render({ networkPolicy: { enabled: false } }))).not.toContain("NetworkPolicy");
  });
});

describeChart("rights", () => {
  test("are the operator's own list, for all namespaces", async () => {
    const manifests = await render();
    expect(only(manifests, "ClusterRole", RELEASE).rules).toEqual(expect.arrayContaining([...EVERYTHING_RIGHTS]));
    expect(only(manifests, "ClusterRole", RELEASE).rules).toHaveLength(EVERYTHING_RIGHTS.length);
    expect(only(manifests, "Role").rules).toEqual(leaseRights(LEASE_NAME));
    expect(only(manifests, "Role").metadata.namespace).toBe(NAMESPACE);
    const account = { kind: "ServiceAccount", name: RELEASE, namespace: NAMESPACE };
    for (const kind of ["ClusterRoleBinding", "RoleBinding"]) {
      expect(only(manifests, kind).subjects).toEqual([account]);
    }
    expect(only(manifests, "Deployment").spec.template.spec.serviceAccountName).toBe(account.name);
  });

  test("stand in each named namespace, and nowhere else", async () => {
    const manifests = await render({ namespaces: ["shop", "shop-staging"], rbac: { aggregate: false } });
    expect(kindsOf(manifests)).not.toContain("ClusterRole");
    expect(kindsOf(manifests)).not.toContain("ClusterRoleBinding");
    const roles = manifests.filter(({ kind, metadata }) => kind === "Role" && metadata.name === RELEASE);
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(["shop", "shop-staging"]);
    for (const { rules } of roles) expect(rules).toHaveLength(EVERYTHING_RIGHTS.length);
    const bindings = manifests.filter(({ kind, metadata }) => kind === "RoleBinding" && metadata.name === RELEASE);
    expect(bindings.map(({ metadata }) => metadata.namespace)).toEqual(["shop", "shop-staging"]);
  });

  test("on KEDA and the Gateway API can be left out", async () => {
    const groups = async (rbac: object) =>
      only(await render({ rbac }), "ClusterRole", RELEASE).rules.flatMap(
        (rule: { apiGroups: string[] }) => rule.apiGroups,
      );
    expect(await groups({})).toEqual(expect.arrayContaining(["keda.sh", "gateway.networking.k8s.io"]));
    expect(await groups({ keda: false })).not.toContain("keda.sh");
    expect(await groups({ keda: false })).toContain("gateway.networking.k8s.io");
    expect(await groups({ gatewayApi: false })).not.toContain("gateway.networking.k8s.io");
  });

  test("and the account can be somebody else's business", async () => {
    const manifests = await render({ rbac: { create: false, aggregate: false }, serviceAccount: { create: false } });
    for (const kind of ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"]) {
      expect(kindsOf(manifests)).not.toContain(kind);
    }
    expect(only(manifests, "Deployment").spec.template.spec.serviceAccountName).toBe("default");
    const named = await render({ serviceAccount: { create: false, name: "theirs" } });
    expect(only(named, "ClusterRoleBinding").subjects[0].name).toBe("theirs");
  });

  test("of people are part of the cluster's own roles", async () => {
    const manifests = await render();
    const aggregatedTo = (name: string) =>
      Object.keys(only(manifests, "ClusterRole", name).metadata.labels)
        .filter((label) => label.startsWith("rbac.authorization.k8s.io/"))
        .map((label) => label.replace("rbac.authorization.k8s.io/aggregate-to-", ""));
    expect(aggregatedTo("-view")).toEqual(["view", "edit", "admin"]);
    expect(aggregatedTo("-edit")).toEqual(["edit", "admin"]);
    expect(kindsOf(await render({ rbac: { aggregate: false, create: false } }))).not.toContain("ClusterRole");
  });
});

describeChart("the definition", () => {
  test("is kept at an uninstall, and can come from elsewhere", async () => {
    const definition = only(await render(), "CustomResourceDefinition");
    expect(definition.metadata.annotations).toEqual({ "helm.sh/resource-policy": "keep" });
    expect(kindsOf(await render({ crd: { install: false } }))).not.toContain("CustomResourceDefinition");
  });
});

describeChart("monitoring", () => {
  const withOperator = { apiVersions: PROMETHEUS_OPERATOR };

  test("is left out where the cluster has no such kinds, or nobody wants it", async () => {
    for (const manifests of [
      await render(),
      await render({ monitoring: { podMonitor: { enabled: false }, rules: { enabled: false } } }, withOperator),
    ]) {
      expect(kindsOf(manifests)).not.toContain("PodMonitor");
      expect(kindsOf(manifests)).not.toContain("PrometheusRule");
    }
  });

  test("reads the operator and all roles, of all or of the named namespaces", async () => {
    const everywhere = only(await render(EVERYTHING, withOperator), "PodMonitor");
    expect(everywhere.spec.namespaceSelector).toEqual({ any: true });
    expect(everywhere.metadata.labels).toMatchObject({ release: "prometheus" });
    expect(everywhere.spec.podMetricsEndpoints[0]).toMatchObject({
      port: "operations",
      interval: "15s",
      honorLabels: true,
    });
    const named = only(await render({ namespaces: ["shop"] }, withOperator), "PodMonitor");
    expect(named.spec.namespaceSelector).toEqual({ matchNames: ["shop", NAMESPACE] });
    const [{ key, values }] = named.spec.selector.matchExpressions;
    const operator = only(await render(), "Deployment").spec.template.metadata.labels;
    expect(values).toEqual([operator[key], "productmatcher"]);
  });

  test("takes rules and dashboards as they lie in the chart, braces of other languages and all", async () => {
    const copy = mkdtempSync(join(tmpdir(), "productmatcher-chart-"));
    onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
    cpSync(CHART, copy, { recursive: true });
    const alert = { alert: "Late", expr: "up == 0", annotations: { summary: "{{ $labels.pipeline }} is late" } };
    const groups = [{ name: "pipelines", rules: [alert] }];
    const dashboard = JSON.stringify({ title: "Overview", panels: [{ legendFormat: "{{pipeline}}" }] }, null, 2);
    mkdirSync(join(copy, "files/dashboards"), { recursive: true });
    writeFileSync(join(copy, "files/rules.yaml"), `# Generated.\n${stringify({ groups })}`);
    writeFileSync(join(copy, "files/dashboards/overview.json"), `${dashboard}\n`);
    const manifests = await render(EVERYTHING, { ...withOperator, chart: copy });
    const rule = only(manifests, "PrometheusRule");
    expect(rule.spec).toEqual({ groups });
    expect(rule.metadata.labels).toMatchObject({ release: "prometheus" });
    const map = only(manifests, "ConfigMap", "-dashboard-overview");
    expect(map.data).toEqual({ "overview.json": dashboard });
    expect(map.metadata.labels).toMatchObject({ grafana_dashboard: "1" });
    expect(map.metadata.annotations).toEqual({ grafana_folder: "ProductMatcher" });
    const elsewhere = { monitoring: { dashboards: { enabled: true, namespace: "grafana" } } };
    const moved = only(await render(elsewhere, { chart: copy }), "ConfigMap", "-dashboard-overview");
    expect(moved.metadata.namespace).toBe("grafana");
    expect(kindsOf(await render({}, { chart: copy }))).not.toContain("ConfigMap");
  });

  test("has a Service for who finds targets by Services", async () => {
    const manifests = await render();
    const service = only(manifests, "Service");
    const { metadata, spec } = only(manifests, "Deployment").spec.template;
    expect(metadata.labels).toMatchObject(service.spec.selector);
    const ports = spec.containers[0].ports.map(({ name }: { name: string }) => name);
    expect(ports).toContain(service.spec.ports[0].targetPort);
  });
});

describeChart("the demo", () => {
  test("is not there unless it is asked for", async () => {
    expect(JSON.stringify(await render())).not.toContain("demo");
  });

  test("is a whole platform whose parts know each other, marked as not for production", async () => {
    const usual = new Set((await render()).map(nameOf));
    const parts = (await render({ demo: { enabled: true } })).filter((manifest) => !usual.has(nameOf(manifest)));
    for (const { metadata } of parts)
      expect(metadata.annotations["productmatcher.dev/demo"]).toBe("not for production");
    const { spec } = parts.find(({ metadata }) => metadata.annotations["helm.sh/hook"]?.includes("post-install"));
    const services = parts.filter(({ kind }) => kind === "Service").map(({ metadata }) => metadata.name);
    const [broker] = spec.source.kafka.bootstrapServers[0].split(":");
    expect(services).toEqual(expect.arrayContaining([broker, new URL(spec.sink.clickhouse.url).hostname]));
    expect(only(parts, "Secret", "-clickhouse").metadata.name).toBe(spec.sink.clickhouse.credentials.secretRef.name);
    const argsOf = (part: string) => only(parts, "Deployment", part).spec.template.spec.containers[0].args as string[];
    expect(argsOf("-shoppers")).toContain(`--url=http://demo-collector.${NAMESPACE}.svc`);
    const ofShop = argsOf("-shop");
    for (const role of ["collector", "recommender"]) {
      expect(ofShop).toContain(`--${role}=http://demo-${role}.${NAMESPACE}.svc`);
    }
    // The crowd must click on what the shop sells.
    const assortment = (args: string[]) => args.filter((arg) => /^--(seed|items|shoppers|start)=/.test(arg));
    expect(assortment(ofShop)).toHaveLength(4);
    expect(assortment(argsOf("-shoppers"))).toEqual(assortment(ofShop));
  });

  test("has a shop whose database the pipeline reads, by the same names and one secret", async () => {
    const parts = await render({ demo: { enabled: true, postgresImage: "postgres:17-bookworm" } });
    const { spec } = parts.find(({ metadata }) => metadata.annotations?.["helm.sh/hook"]?.includes("post-install"));
    const { uriSecretKeyRef, ...tables } = spec.enrichment.postgres;
    expect(tables).toEqual(TABLES);
    const secret = only(parts, "Secret", "-postgres");
    expect(uriSecretKeyRef).toEqual({ name: secret.metadata.name, key: "uri" });
    const uri = new URL(secret.stringData.uri);
    const { username, password } = secret.stringData;
    expect([uri.username, uri.password]).toEqual([username, password]);
    const service = only(parts, "Service", "-postgres");
    expect([uri.hostname, Number(uri.port)]).toEqual([service.metadata.name, service.spec.ports[0].port]);
    const [database] = only(parts, "Deployment", "-postgres").spec.template.spec.containers;
    expect(database.image).toBe("postgres:17-bookworm");
    expect(database.env).toContainEqual({ name: "POSTGRES_DB", value: uri.pathname.slice(1) });
    const shop = only(parts, "Deployment", "-shop").spec.template;
    expect(shop.spec.volumes[0].secret.secretName).toBe(secret.metadata.name);
    const file = `${shop.spec.containers[0].volumeMounts[0].mountPath}/${shop.spec.volumes[0].secret.items[0].path}`;
    expect(shop.spec.containers[0].args).toContain(`--postgres=${file}`);
    expect(only(parts, "Service", "-demo-shop").spec.selector).toEqual(shop.metadata.labels);
  });

  test("needs somebody who looks after its namespace", async () => {
    const renderFor = (namespaces: string[]) => render({ namespaces, demo: { enabled: true } });
    await expect(renderFor(["shop"])).rejects.toThrow(
      `demo.enabled makes a pipeline in ${NAMESPACE}: name it in namespaces`,
    );
    expect(kindsOf(await renderFor(["shop", NAMESPACE]))).toContain("RecommenderPipeline");
  });
});

function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace} ${metadata.name}`;
}
