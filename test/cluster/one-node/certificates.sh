# Keys, certificates and kubeconfigs of the control plane. Sourced by `up`, not run.

make_certificates() {
  local id="1 $NETWORK $NODE_NAME" user
  if [ "$(cat "$PKI/id" 2>/dev/null)" != "$id" ]; then
    rm -rf "$PKI"
    mkdir -p "$PKI"
    make_key ca
    openssl req -x509 -new -key "$PKI/ca.key" -subj /CN=ca -days 3650 -out "$PKI/ca.crt"
    make_key service-accounts
    openssl ec -in "$PKI/service-accounts.key" -pubout -out "$PKI/service-accounts.pub" 2>/dev/null
    local service=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
    make_certificate kube-apiserver /CN=kube-apiserver \
      "IP:127.0.0.1,IP:$NODE_ADDRESS,IP:$API_SERVICE_ADDRESS,DNS:localhost,$service"
    make_certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
    make_certificate admin /O=system:masters/CN=admin
    make_certificate kube-controller-manager /CN=system:kube-controller-manager
    make_certificate kube-scheduler /CN=system:kube-scheduler
    make_certificate kube-proxy /CN=system:kube-proxy
    make_certificate coredns /CN=coredns
    make_certificate kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" "IP:$NODE_ADDRESS,DNS:$NODE_NAME"
    echo "$id" >"$PKI/id"
  fi
  write_kubeconfig "$ADMIN_KUBECONFIG" admin "https://127.0.0.1:$API_PORT"
  for user in kube-controller-manager kube-scheduler kube-proxy coredns kubelet; do
    write_kubeconfig "$ETC/$user.kubeconfig" $user "https://$NODE_ADDRESS:6443"
  done
}

make_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/$1.key" 2>/dev/null; }

make_certificate() { # make_certificate NAME SUBJECT [ALTERNATIVE_NAMES]
  local file=$PKI/$1
  make_key "$1"
  openssl req -new -key "$file.key" -subj "$2" -out "$file.csr"
  printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n%s\n' \
    "${3:+subjectAltName=$3}" >"$file.extensions"
  openssl x509 -req -in "$file.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 3650 \
    -extfile "$file.extensions" -out "$file.crt" 2>/dev/null
  rm "$file.csr" "$file.extensions"
}

write_kubeconfig() { # write_kubeconfig FILE USER SERVER
  cat >"$1" <<END
apiVersion: v1
kind: Config
clusters: [{name: one-node, cluster: {server: "$3", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")}}]
users: [{name: $2, user: {client-certificate-data: $(base64 -w0 "$PKI/$2.crt"), client-key-data: $(base64 -w0 "$PKI/$2.key")}}]
contexts: [{name: one-node, context: {cluster: one-node, user: $2}}]
current-context: one-node
END
  chmod 600 "$1"
}
