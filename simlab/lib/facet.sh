# facet.sh - Facet inside the lab's machine: up, the main job in words, and what must be so after.
# shellcheck shell=bash

BIN=/facet/src
export FACET_SOCKET=/run/facet/facetd.sock
HOST=$(hostname)

facet_users() {
	getent group facet > /dev/null || groupadd -r facet
	getent passwd facet-agent > /dev/null || useradd -r -G facet -s /usr/sbin/nologin facet-agent
	mkdir -p /run/facet /var/lib/facet
}

# The file of crash points, for the daemon that a scenario lets die (crash.sh), and for it alone.
crash_file() { [ "${CRASH_DAEMON:-}" != "$1" ] || echo "$CRASH"; }

facetd_up() {
	FACET_CRASH_FILE=$(crash_file facetd) start_facetd --set controller.host_timeout_s=20 "$@"
	wait_for 20 "facet version > /dev/null 2>&1" "facetd"
}

agent_up() {
	FACET_CRASH_FILE=$(crash_file facet-agent) start_agent --set host.libvirt_program=$BIN/agent/root/facet-libvirt --set agent.look_s=5 \
		--set host.passthrough_any_class=yes --set host.migration=yes "$@"
}

host_ready() { [ "$(facet host show "$HOST" -o json 2> /dev/null | jq -r .state)" = ready ]; }
pool_size() { facet gpu list -o json | jq '[.items[] | select(.poolable)] | length'; }

# Everything up, the hook in place, the host known; arguments go to the agent.
facet_up() {
	facet_users
	install_hook $BIN/agent/hook/facet-hook
	facetd_up
	agent_up "$@"
	wait_for 30 host_ready "the agent's first report" || die "the host never reported"
}

# A group of all GPUs that FILTER takes, and its functions enabled.
group() { # NAME FILTER GPUS [OPTION...]
	local name=$1 filter=$2 gpus=$3
	shift 3
	check "group $name" facet group create "$name" --filter "$filter" "$@"
	wait_for 40 "[ \$(pool_size) -ge $gpus ]" "$gpus GPUs in the pool" || die "group $name has not enough GPUs"
}

attach() { # VM GROUP PROFILE [OPTION...]
	local vm=$1 group=$2 profile=$3
	shift 3
	# A domain that was just defined is known with the next look at libvirt.
	wait_for 30 "facet vm attach '$vm' --group '$group' --profile '$profile' $* > /tmp/attach.log 2>&1" \
		"facet vm attach $vm" || { cat /tmp/attach.log; die "attach $vm"; }
}

leases() { facet lease list -o json | jq '.items | length'; }
leases_in() { facet lease list -o json | jq --arg s "$1" '[.items[] | select(.state == $s)] | length'; }
lease_of() { facet lease list -o json | jq -r --arg vm "$1" --arg f "$2" '[.items[] | select(.vm == $vm and .state != "quarantined")][0][$f]'; }
vm_field() { facet vm show "$1" -o json | jq -r --arg f "$2" '.[$f]'; }
running_operations() { facet operation list -o json | jq '[.items[] | select(.state == "running")] | length'; }

# The ledger, the kernel and libvirt agree that nothing of Facet's is left.
nothing_left() {
	check "the ledger is empty" wait_for "${1:-40}" '[ "$(leases)" = 0 ]'
	equal "no vGPU is left in the kernel" "$(vgpus)" ""
	equal "no operation hangs" "$(running_operations)" 0
	check "the ledger's invariants hold" ledger_ok
}

ledger_ok() {
	[ "$(facet doctor -o json | jq '[.checks[] | select(.name == "ledger" and .ok)] | length')" = 1 ]
}

# Each vGPU in the kernel belongs to exactly one lease and each made lease has its vGPU.
ledger_is_kernel() {
	local made kernel
	made=$(facet lease list -o json | jq -r '.items[] | select(.state == "ready" or .state == "attached")
		| if .mdev_uuid != "" then .mdev_uuid else .vf end' | sort)
	kernel=$(vgpus | cut -d ' ' -f 1 | sort)
	[ "$made" = "$kernel" ] || { say "ledger: $made"; say "kernel: $kernel"; return 1; }
}

guest_has_vgpu() { # VM DEVICE-ID COUNT
	local n
	n=$(grep -acE "NANO pci [0-9a-f:.]+ 10de:$2" "$(serial_file "$1")" 2> /dev/null) && [ "$n" -ge "$3" ]
}

# The main job from group to guest and back, with the guest's own word for it.
whole_life() { # VM GROUP PROFILE DEVICE-ID
	define_vm "$1" || die "libvirt refuses the domain"
	check "attach" attach "$1" "$2" "$3"
	check "start" timed "start_s" facet vm start "$1"
	equal "the lease is attached" "$(leases_in attached)" 1
	check "ledger and kernel agree" ledger_is_kernel
	check "the guest's bus has an NVIDIA vGPU" wait_for 40 "guest_has_vgpu '$1' '$4' 1"
	check "and its driver reads the type" wait_for 20 "serial_has '$1' 'NANO vgpu .* type=[1-9]'"
	fact guest_says "$(grep -aoE 'NANO vgpu .*' "$(serial_file "$1")" | head -n 1 | tr -d '\r')"
	check "stop" timed "stop_s" facet vm stop "$1"
	nothing_left
}
