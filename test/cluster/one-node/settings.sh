# What the scripts of the one-node cluster share: versions, addresses, folders. Sourced, not run.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# The chart's suites take the same Helm. It and CoreDNS are built with the client-go of this Kubernetes: Go compiles it once
# for all.
HELM_MODULE=$HERE/../../chart/binaries/helm
required() { # required MODULE FOLDER: the version that its go.mod asks for
  awk -v module="$1" '$1 == "require" && $2 == module { print $3 }' "$2/go.mod"
}
KUBERNETES_VERSION=$(required k8s.io/kubernetes "$HERE/../../api-server/binaries")
COREDNS_VERSION=$(required github.com/coredns/coredns "$HERE/binaries/coredns")
HELM_VERSION=$(required helm.sh/helm/v3 "$HELM_MODULE")

CLUSTER_DIR=${CLUSTER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/productmatcher-cluster}
# `down` keeps these three.
BIN=$CLUSTER_DIR/bin
IMAGES=$CLUSTER_DIR/images
PKI=$CLUSTER_DIR/pki
# Configuration that `up` writes, pid files and containerd's socket, logs, data of etcd, kubelet and containerd.
ETC=$CLUSTER_DIR/etc
RUN=$CLUSTER_DIR/run
LOG=$CLUSTER_DIR/log
DATA=$CLUSTER_DIR/data
ADMIN_KUBECONFIG=$CLUSTER_DIR/kubeconfig
CONTAINERD_SOCKET=$RUN/containerd.sock

# The node's own network: a link between the host and the node's network namespace. No address of it leaves the machine.
NETWORK=${CLUSTER_NETWORK:-10.203}
LINK=${CLUSTER_LINK:-pm-cluster}
HOST_ADDRESS=$NETWORK.255.1
NODE_ADDRESS=$NETWORK.255.2
POD_RANGE=$NETWORK.0.0/20
SERVICE_RANGE=$NETWORK.128.0/20
API_SERVICE_ADDRESS=$NETWORK.128.1
DNS_ADDRESS=$NETWORK.128.10
NODE_NAME=node-1
# Of the API on 127.0.0.1 of the host.
API_PORT=${CLUSTER_API_PORT:-16443}

mkdir -p "$BIN" "$IMAGES" "$ETC" "$RUN" "$LOG" "$DATA"
chmod 700 "$CLUSTER_DIR"
