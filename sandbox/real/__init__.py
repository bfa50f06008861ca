"""A real node in a sandbox: containerd, kubelet, kube-proxy and CoreDNS in namespaces and on a root of their own."""
