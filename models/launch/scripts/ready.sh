# Whether the server takes new requests: the container's readiness probe. ready.sh PORT DRAINING [tls]
#
# A pod that drains says no. While all pods of a service end, kube-proxy goes on sending requests to those that are ready
# (Kubernetes' KEP 1669), so that the drain would last to its cap, and what runs then would be lost.

[[ ! -e $2 ]] || exit 1
exec 3<> "/dev/tcp/$HOSTNAME/$1" || exit 1
[[ ${3-} != tls ]] || exit 0 # bash cannot encrypt; the liveness probe asks for /health
printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 4 -u 3 _ status _ && [[ $status == 200 ]]
