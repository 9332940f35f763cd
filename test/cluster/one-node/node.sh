# kubelet, kube-proxy and the cluster's DNS. Sourced by `up`, not run.

start_node() {
  write_kubelet_configuration
  start_in_node kubelet "$BIN/kubelet" --config="$ETC/kubelet.yaml" --kubeconfig="$ETC/kubelet.kubeconfig" \
    --hostname-override="$NODE_NAME" --node-ip="$NODE_ADDRESS" --root-dir=/var/lib/kubelet
  write_proxy_configuration
  start_in_node kube-proxy "$BIN/kube-proxy" --config="$ETC/kube-proxy.yaml"
  write_dns_configuration
  start_in_node coredns "$BIN/coredns" -conf "$ETC/Corefile"
  announce_dns
  wait_for 60 "the node" kubectl get node $NODE_NAME
  kubectl wait --for=condition=Ready "node/$NODE_NAME" --timeout=60s >/dev/null
  wait_for 30 "the default service account" kubectl get serviceaccount default
  wait_for 30 coredns in_node busybox wget -q -O- http://127.0.0.1:8181/ready
}

write_kubelet_configuration() {
  # No name server of the host: pods know the cluster's names alone.
  : >"$ETC/resolv.conf"
  # syncFrequency: a changed Secret is in its pods after once to one and a half times this.
  cat >"$ETC/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_ADDRESS
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet.crt
tlsPrivateKeyFile: $PKI/kubelet.key
cgroupDriver: cgroupfs
failCgroupV1: false
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
clusterDNS: [$DNS_ADDRESS]
clusterDomain: cluster.local
resolvConf: $ETC/resolv.conf
failSwapOn: false
healthzBindAddress: 127.0.0.1
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
maxPods: 100
syncFrequency: 40s
END
}

write_proxy_configuration() {
  # By default it may send connections to a pod that is gone for a second. The settings of connection tracking are
  # read-only outside the machine's first network namespace: 0 leaves them alone.
  cat >"$ETC/kube-proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: $NODE_NAME
bindAddress: $NODE_ADDRESS
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
clusterCIDR: $POD_RANGE
clientConnection: {kubeconfig: $ETC/kube-proxy.kubeconfig}
iptables: {minSyncPeriod: 100ms}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
END
}

write_dns_configuration() {
  cat >"$ETC/Corefile" <<END
.:53 {
  bind $NODE_ADDRESS
  errors
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig $ETC/coredns.kubeconfig one-node
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 5
  }
  cache 5
}
END
}

# It runs beside the pods, not in one: its Service has an endpoint by hand.
announce_dns() {
  kubectl apply -f - >/dev/null <<END
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: coredns}
rules:
- {apiGroups: [""], resources: [services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: coredns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: coredns}
subjects: [{kind: User, name: coredns, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  clusterIP: $DNS_ADDRESS
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kube-dns-node, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
addressType: IPv4
endpoints: [{addresses: [$NODE_ADDRESS], conditions: {ready: true}}]
ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
END
}
