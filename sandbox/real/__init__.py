"""A real node in a sandbox: containerd, kubelet and kube-proxy in namespaces of their own, on a root of their own."""
