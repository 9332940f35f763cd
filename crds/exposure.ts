/** How a role is reached from outside the cluster. */
import type { z } from "zod";
import { atomicList, choice, mapOf, object, rule, text } from "./fields.ts";

const ingress = object("Details of the Ingress.", {
  className: text("IngressClass. Absent: the cluster's default.").optional(),
  tlsSecretName: text("Secret of type kubernetes.io/tls for the host. Absent: no TLS at the Ingress.").optional(),
  annotations: mapOf(
    "Annotations of the Ingress, for its controller.",
    32,
    text("An annotation's value.", 1024),
  ).optional(),
});

const parentRef = object("A Gateway.", {
  name: text("Name of the Gateway."),
  namespace: text("Its namespace. Absent: the pipeline's.").optional(),
  sectionName: text("Its listener. Absent: every listener that takes the route.").optional(),
});

const httpRoute = object("Details of the HTTPRoute. TLS belongs to the Gateway's listener.", {
  parentRefs: atomicList("Gateways that the route is attached to.", { min: 1, max: 8 }, parentRef),
});

export const exposure = object(
  "Makes the role reachable from outside the cluster, under a host name. Absent: inside alone.",
  {
    type: choice("Ingress, or HTTPRoute of the Gateway API.", ["Ingress", "HTTPRoute"]),
    host: text("DNS name under which the role is reached: recs.shop.example."),
    path: text("Path prefix under the host.").default("/"),
    ingress: ingress.optional(),
    httpRoute: httpRoute.optional(),
  },
  [
    rule("V24", "self.type == 'Ingress' || !has(self.ingress)", "exposure.ingress needs exposure.type: Ingress"),
    rule(
      "V24",
      "(self.type == 'HTTPRoute') == has(self.httpRoute)",
      "exposure.type: HTTPRoute needs exposure.httpRoute.parentRefs, and only it",
    ),
  ],
);

export type Exposure = z.output<typeof exposure>;
