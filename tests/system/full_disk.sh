#!/usr/bin/env bash
# A full disk: claims are refused with that reason, what runs is not touched, and when there is room
# again Facet goes on by itself.
#
# full_disk.sh FACETD FACET-AGENT FACET; exit 77 where no file system can be mounted.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
	probe=$(unshare -m true 2>&1) || { echo "SKIP: no mount namespace here: $probe"; exit 77; }
	exec unshare -m "$0" --inside "$@"
fi
shift
facetd=$1 agent=$2 facet=$3
work=$(mktemp -d)
pids=()
finish() {
	for pid in "${pids[@]}"; do kill -TERM "$pid" 2> /dev/null || true; done
	wait
	umount "$work/disk" 2> /dev/null || true
	rm -rf "$work"
}
trap finish EXIT
mkdir "$work/disk"
mount -t tmpfs -o size=1m tmpfs "$work/disk" || { echo "SKIP: tmpfs can not be mounted here"; exit 77; }

export FACET_SOCKET=$work/s
die() { echo "FAILED: $*"; cat "$work"/*.log; exit 1; }
wait_for() { # SECONDS COMMAND...
	local n=0 most=$(($1 * 10))
	shift
	until "$@" > /dev/null 2>&1; do
		n=$((n + 1))
		[ $n -lt $most ] || die "waited in vain for $*"
		sleep 0.1
	done
}
"$facetd" --set store.path="$work/disk/facet.db" --set listen.unix="$FACET_SOCKET" 2> "$work/facetd.log" &
pids+=($!)
wait_for 20 "$facet" version
"$agent" --set agent.controller="$FACET_SOCKET" \
	--simulated 'name=h1;gpus=1xL40S/vendor-vfio;domains=vm1..vm4' 2> "$work/agent.log" &
pids+=($!)
wait_for 20 "$facet" host show h1
"$facet" group create ai --filter 'board contains "L40S"' > /dev/null
for vm in vm1 vm2; do
	wait_for 20 "$facet" vm attach $vm --group ai --profile "NVIDIA L40S-8Q"
done
"$facet" vm start vm1 > /dev/null || die "vm1 does not start"

# Full: the filler takes what is left, the WAL can not grow.
dd if=/dev/zero of="$work/disk/filler" bs=4k 2> /dev/null || true
refused=
for _ in $(seq 1 200); do
	if ! "$facet" group create "g$RANDOM$RANDOM" > /dev/null 2> "$work/refusal.log"; then refused=1; break; fi
done
[ -n "$refused" ] || die "the disk is full and nothing is refused"
status=0
"$facet" vm start vm2 > /dev/null 2> "$work/refusal.log" || status=$?
[ $status = 8 ] || die "a claim on a full disk ended with $status, not 8"
grep -qi 'full\|space' "$work/refusal.log" || die "the refusal does not say why"
[ "$("$facet" vm show vm1 -o json | jq -r .state)" = running ] || die "vm1 was touched"
[ "$("$facet" lease list -o json | jq '.items | length')" = 1 ] || die "a lease was given on a full disk"

rm "$work/disk/filler"
wait_for 20 "$facet" vm start vm2
[ "$("$facet" lease list -o json | jq '.items | length')" = 2 ] || die "two leases were expected"
"$facet" doctor > /dev/null || true
echo "refused: $(head -n 1 "$work/refusal.log")"
