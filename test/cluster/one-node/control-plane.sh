# etcd, API server, controllers and scheduler. Sourced by `up`, not run.

start_control_plane() {
  local etcd=http://127.0.0.1:2379 peer=http://127.0.0.1:2380
  rm -rf "$DATA/etcd"
  mkdir -m 700 "$DATA/etcd"
  # The data lives as long as the cluster.
  start_in_node etcd etcd --name one-node --data-dir "$DATA/etcd" \
    --listen-client-urls $etcd --advertise-client-urls $etcd \
    --listen-peer-urls $peer --initial-advertise-peer-urls $peer --initial-cluster one-node=$peer \
    --logger zap --log-level warn --unsafe-no-fsync
  start_in_node kube-apiserver "$BIN/kube-apiserver" \
    --bind-address="$NODE_ADDRESS" --secure-port=6443 --advertise-address="$NODE_ADDRESS" \
    --etcd-servers=$etcd \
    --service-cluster-ip-range="$SERVICE_RANGE" \
    --allow-privileged=true \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --anonymous-auth=false \
    --client-ca-file="$PKI/ca.crt" \
    --tls-cert-file="$PKI/kube-apiserver.crt" --tls-private-key-file="$PKI/kube-apiserver.key" \
    --service-account-key-file="$PKI/service-accounts.pub" \
    --service-account-signing-key-file="$PKI/service-accounts.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --kubelet-client-certificate="$PKI/kubelet-client.crt" --kubelet-client-key="$PKI/kubelet-client.key" \
    --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --profiling=false
  wait_for 60 kube-apiserver kubectl get --raw /readyz || die "$(tail -5 "$LOG/kube-apiserver.log" "$LOG/etcd.log")"
  step "etcd, kube-apiserver"
  # Not before: it gives up when the API server has not yet made its default roles. Its client is usually held to 20
  # requests a second, and the first service account then comes after seconds.
  start_in_node kube-controller-manager "$BIN/kube-controller-manager" \
    --kubeconfig="$ETC/kube-controller-manager.kubeconfig" \
    --authentication-kubeconfig="$ETC/kube-controller-manager.kubeconfig" \
    --authorization-kubeconfig="$ETC/kube-controller-manager.kubeconfig" \
    --bind-address=127.0.0.1 --leader-elect=false --use-service-account-credentials=true \
    --kube-api-qps=500 --kube-api-burst=1000 \
    --root-ca-file="$PKI/ca.crt" --service-account-private-key-file="$PKI/service-accounts.key" \
    --horizontal-pod-autoscaler-sync-period=5s --profiling=false
  start_in_node kube-scheduler "$BIN/kube-scheduler" \
    --kubeconfig="$ETC/kube-scheduler.kubeconfig" \
    --authentication-kubeconfig="$ETC/kube-scheduler.kubeconfig" \
    --authorization-kubeconfig="$ETC/kube-scheduler.kubeconfig" \
    --bind-address=127.0.0.1 --leader-elect=false --profiling=false
}
