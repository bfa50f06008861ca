# Puts the server into a directory of its own on the volume of the graph cache, because the engine keeps its compiled
# graphs in the current directory (.torchair_cache; manual, Step 3). run_vllm.sh sources it.
#
#   VOLUME/SERVICE/KEY/SLOT   KEY stands for all that the graphs depend on, SLOT tells the pods on one node apart
#
# The pod that holds the lock of a slot is the only one in it. File descriptor 9 keeps the lock through `exec`, so that
# it lasts as long as the server and whatever the server forks; a slot of a server that was killed is free.

KEPT_KEYS=3
MOST_SLOTS=64

# use_graph_cache VOLUME SERVICE KEY: a volume that cannot be used costs the cache, not the pod.
use_graph_cache() {
  local home=$1/$2 slot=
  if take_slot "$home" "$3" && cd -- "$slot"; then
    echo "graph cache: $slot" >&2
  else
    exec 9>&-
    echo "graph cache: $home cannot be used, so the graphs are compiled again; the server runs in $PWD" >&2
  fi
  exec 8>&-
}

# take_slot HOME KEY: sets `slot` to the first directory that no other server has. Whoever looks for one or removes old
# ones holds the lock of HOME meanwhile.
take_slot() {
  local number
  mkdir -p -- "$1/$2" || return
  if ! type -P flock > /dev/null; then
    slot=$1/$2/host-$HOSTNAME
    mkdir -p -- "$slot" && can_write "$slot"
    return
  fi
  exec 8<> "$1/.lock" && flock -w 60 8 || return
  for ((number = 0; number < MOST_SLOTS; number++)); do
    slot=$1/$2/$number
    mkdir -p -- "$slot" && exec 9<> "$slot/.lock" || return
    if flock -n 9; then
      touch -- "$1/$2" || return
      remove_old_keys "$1"
      can_write "$slot"
      return
    fi
  done
  return 1
}

# can_write SLOT: whether the volume takes data; a full one still makes empty files.
can_write() {
  echo "$HOSTNAME" >| "$1/.pod"
}

# remove_old_keys HOME: keeps the keys that were started last, and all that a server runs in.
remove_old_keys() {
  local name kept=0
  while IFS= read -r name; do
    [[ $name =~ ^[0-9a-f]{12}$ && -d $1/$name && ! -L $1/$name ]] || continue
    kept=$((kept + 1))
    if ((kept > KEPT_KEYS)) && ! in_use "$1/$name"; then
      rm -rf -- "${1:?}/$name" || true
    fi
  done < <(ls -t -- "$1")
}

# in_use DIRECTORY: whether a server holds one of the slots of this key.
in_use() {
  local lock
  for lock in "$1"/*/.lock; do
    if [[ -e $lock ]] && ! flock -n "$lock" true; then
      return 0
    fi
  done
  return 1
}
