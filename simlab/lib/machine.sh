# machine.sh - boot, reach and stop the lab's machines.  Sourced by lab/lab.
#
# A run owns one folder, RUN: disks, pid files, serial logs, what the machines write (out/).  Two
# runs share nothing but the cache, which they only read.  The one TCP port of a machine is chosen
# by the kernel on 127.0.0.1 and read back from QEMU's socket, so it can not collide.
# shellcheck shell=bash

LAB_LETTERS=abcdefgh
SSH_OPTIONS=(-F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
	-o LogLevel=ERROR -o ConnectTimeout=10 -o ServerAliveInterval=15 -o ServerAliveCountMax=8)

node_name() { printf 'node-%s' "${LAB_LETTERS:$1-1:1}"; }
node_pid() { cat "$RUN/$1.pid" 2> /dev/null; }
node_alive() { # NUMBER
	local pid
	pid=$(node_pid "$1") && grep -qaF "$RUN/" "/proc/$pid/cmdline" 2> /dev/null
}

run_folder() {
	RUN=$(mktemp -d "${TMPDIR:-/var/tmp}/facet-lab.XXXXXX")
	mkdir -p "$RUN/out"
	chmod 755 "$RUN" "$RUN/out"
}

# The folders of FACET_DIR that hold its programs, as the machine sees them; FACET_BIN says others.
facet_path() { # FACET_DIR
	local dir
	[ -n "$1" ] || return 0
	if [ -n "${FACET_BIN:-}" ]; then
		for dir in ${FACET_BIN//:/ }; do printf '/facet/%s:' "$dir"; done
		return
	fi
	find "$1" -type f \( -name facet -o -name facetd -o -name facet-agent \) -perm -u+x \
		-printf '/facet/%P\n' | sed 's#/[^/]*$##' | sort -u | tr '\n' ':'
}

# What every process inside a machine finds in its environment.
write_environment() { # FACET_DIR
	{
		echo "export PATH=$(facet_path "$1")/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
		echo "export LANG=C.UTF-8 LAB_OUT=/lab/out LAB_NODES=$NODES"
	} > "$RUN/out/env"
}

# The wire between machines: node 1 is a hub, every other node is one cable away from it.
cable() { # ID LEAF OWN-END OTHER-END
	echo "-netdev dgram,id=$1,local.type=unix,local.path=$RUN/wire$2.$3" \
		"remote.type=unix,remote.path=$RUN/wire$2.$4" | sed 's/ remote/,remote/'
}

network_options() { # NUMBER
	local i
	[ "$NODES" -gt 1 ] || return 0
	if [ "$1" = 1 ]; then
		for ((i = 2; i <= NODES; i++)); do
			cable "cable$i" "$i" hub leaf
			echo "-netdev hubport,id=port$i,hubid=0,netdev=cable$i"
		done
		echo "-netdev hubport,id=wire,hubid=0"
	else
		cable wire "$1" leaf hub
	fi
	printf -- '-device virtio-net-pci,netdev=wire,romfile=,mac=52:54:00:77:00:%02x\n' "$1"
}

share_options() { # TAG PATH readonly=on|off
	echo "-virtfs local,path=$2,mount_tag=$1,security_model=none,multidevs=remap,$3"
}

machine_options() {
	if [ "$IOMMU" = 1 ]; then
		# bochs-display: a PCI Express device of class "display", alone in its IOMMU group
		# below its own root port, which can reset it: it stands in for a passthrough GPU.
		echo "-machine q35,graphics=off -device intel-iommu,intremap=on" \
			"-device pcie-root-port,id=rp1,chassis=1,slot=1,addr=1c.0" \
			"-device bochs-display,bus=rp1"
	else
		echo "-machine q35,graphics=off"
	fi
	if [ "${FACET_LAB_KVM:-0}" = 1 ]; then
		echo "-accel kvm -cpu host"
	else
		echo "-accel tcg,thread=multi,tb-size=192 -cpu max"
	fi
}

kernel_command_line() { # NUMBER
	echo "console=ttyS0 loglevel=4 net.ifnames=0 panic=-1 mitigations=off" \
		"lab.node=$1 lab.nodes=$NODES $([ "$IOMMU" = 1 ] && echo intel_iommu=on)"
}

make_disk() { # NUMBER
	[ -n "${FACET_LAB_WARM:-}" ] && return
	qemu-img create -q -f qcow2 -F raw -b "$(part_path base)/base.raw" "$RUN/$1.qcow2"
}

disk_option() { # NUMBER
	local cache=unsafe
	# A power cut may lose what was not flushed, and nothing else.
	[ "$POWERCUT" = 1 ] && cache=writeback
	if [ -n "${FACET_LAB_WARM:-}" ]; then
		echo "-drive file=$FACET_LAB_WARM,format=raw,if=virtio,cache=writeback"
	else
		echo "-drive file=$RUN/$1.qcow2,format=qcow2,if=virtio,cache=$cache"
	fi
}

start_node() { # NUMBER
	local -a args leash=()
	local facet=$FACET_DIR n=0
	[ -n "$facet" ] || facet=$RUN/none
	mkdir -p "$RUN/none"
	# No path of the lab's holds a blank; word splitting is what these lists are for.
	# shellcheck disable=SC2207
	args=($(machine_options) $(disk_option "$1") $(network_options "$1")
		$(share_options tree "$LAB_DIR" readonly=on) $(share_options art "$RUN/art" readonly=on)
		$(share_options out "$RUN/out" readonly=off) $(share_options facet "$facet" readonly=on))
	cp /dev/null "$RUN/$1.serial"
	# Only a kept machine outlives the shell that started it, be that killed by -9.
	[ "$KEEP" = 1 ] || leash=(setpriv --pdeathsig KILL)
	setsid "${leash[@]}" qemu-system-x86_64 -name "facet-lab-$(node_name "$1")" \
		-nodefaults -display none -smp 2 -m "$MEM" -uuid "$(printf 'facef00d-0000-4000-8000-%012x' "$1")" \
		-kernel "$(part_path rootfs)/vmlinuz" -initrd "$(part_path initrd)/initrd" \
		-append "$(kernel_command_line "$1")" -serial "file:$RUN/$1.serial" \
		-netdev "user,id=ctl,restrict=on,hostfwd=tcp:127.0.0.1:0-:22" \
		-device "virtio-net-pci,netdev=ctl,romfile=,mac=52:54:00:76:00:$(printf %02x "$1")" \
		-device virtio-rng-pci -no-reboot "${args[@]}" \
		< /dev/null > "$RUN/$1.qemu" 2>&1 &
	echo $! > "$RUN/$1.pid"
	disown
	# Until the shell's child has become QEMU it can not be told from a stranger.
	while ! node_alive "$1" && [ "$n" -lt 50 ] && kill -0 $! 2> /dev/null; do
		sleep 0.1
		n=$((n + 1))
	done
}

# The port that the kernel gave to QEMU's host forward: its only listening TCP socket.
node_port() { # NUMBER
	local pid fd link inode port
	pid=$(node_pid "$1") || return 1
	for fd in "/proc/$pid/fd"/*; do
		link=$(readlink "$fd") || continue
		case $link in socket:*) ;; *) continue ;; esac
		inode=${link//[^0-9]/}
		port=$(awk -v i="$inode" '$10 == i && $4 == "0A" { sub(/.*:/, "", $2); print $2 }' \
			/proc/net/tcp)
		[ -n "$port" ] && { echo $((16#$port)); return; }
	done
	return 1
}

# Waits until libvirt answers in NUMBER; says why and shows the serial log's end when it does not.
wait_ready() { # NUMBER
	local until=$((SECONDS + ${FACET_LAB_BOOT_TIMEOUT:-180})) why=
	while [ -z "$why" ]; do
		if grep -q LAB-READY "$RUN/$1.serial"; then
			node_port "$1" > "$RUN/$1.port" || why="has no ssh port"
			break
		fi
		grep -q LAB-FAILED "$RUN/$1.serial" && why="could not start its services"
		node_alive "$1" || why="ended while booting"
		[ "$SECONDS" -lt "$until" ] || why="was not ready after $((SECONDS - until +
			${FACET_LAB_BOOT_TIMEOUT:-180})) s"
		sleep 0.2
	done
	[ -n "$why" ] || return 0
	say "$(node_name "$1") $why; the end of its serial log:"
	tail -n 25 "$RUN/$1.serial" "$RUN/$1.qemu" >&2
	return 1
}

# One connection per node, shared by every command; 0.1 s instead of 1.4 s each.
connect_node() { # NUMBER
	timeout 60 ssh "${SSH_OPTIONS[@]}" -i "$(part_path key)/id_ed25519" -p "$(cat "$RUN/$1.port")" \
		-o ControlMaster=yes -o ControlPath="$RUN/$1.ssh" -o ControlPersist=yes -f -N \
		root@127.0.0.1 < /dev/null > "$RUN/$1.sshlog" 2>&1 ||
		{ say "$(node_name "$1") takes no ssh connection:"; cat "$RUN/$1.sshlog" >&2; return 1; }
}

node_ssh() { # NUMBER LIMIT [--alone] [ssh option…] [command…]; LIMIT in seconds, 0 for none
	local number=$1 limit=$2 control=(-o "ControlPath=$RUN/$1.ssh")
	shift 2
	[ "${1:-}" != --alone ] || { control=(-o ControlPath=none); shift; }
	timeout --foreground "$limit" ssh "${SSH_OPTIONS[@]}" -i "$(part_path key)/id_ed25519" \
		-p "$(cat "$RUN/$number.port")" "${control[@]}" root@127.0.0.1 "$@"
}

boot_nodes() {
	local i start=$SECONDS
	for ((i = 1; i <= NODES; i++)); do start_node "$i"; done
	for ((i = 1; i <= NODES; i++)); do wait_ready "$i" && connect_node "$i" || return 1; done
	say "$NODES machine(s) ready in $((SECONDS - start)) s"
}

# Fresh disks and the files that the machines see, then the boot.
new_machines() {
	local i part
	run_folder
	mkdir -p "$RUN/art"
	# 9p does not follow links out of a share, so the parts are copied: they are small.
	for part in nano module; do
		declare -F "part_hash_$part" > /dev/null && [ -d "$(part_path "$part")" ] &&
			cp -r "$(part_path "$part")"/. "$RUN/art/"
	done
	write_environment "$FACET_DIR"
	for ((i = 1; i <= NODES; i++)); do make_disk "$i"; done
	boot_nodes
}

stop_node() { # NUMBER [-SIGNAL]
	local pid n=0
	pid=$(node_pid "$1") || return 0
	if [ -S "$RUN/$1.ssh" ]; then
		timeout 5 ssh -F none -o ControlPath="$RUN/$1.ssh" -O exit x > /dev/null 2>&1 || true
	fi
	if node_alive "$1"; then
		kill "${2:--TERM}" "$pid" 2> /dev/null || true
	fi
	while node_alive "$1" && [ "$n" -lt 50 ]; do
		sleep 0.1
		n=$((n + 1))
	done
	if node_alive "$1"; then
		kill -KILL "$pid" 2> /dev/null || true
	fi
	# With "down" it is the child of a shell that is long gone.
	wait "$pid" 2> /dev/null || true
	rm -f "$RUN/$1.pid" "$RUN/$1.ssh"
}

stop_machines() {
	local file
	[ -n "${RUN:-}" ] && [ -d "$RUN" ] || return 0
	for file in "$RUN"/*.pid; do
		[ -e "$file" ] && stop_node "$(basename "$file" .pid)"
	done
	return 0
}

# The plug is pulled: no signal that QEMU could act on, the same disk afterwards.
power_cut() {
	local i
	for ((i = 1; i <= NODES; i++)); do stop_node "$i" -KILL; done
	for ((i = 1; i <= NODES; i++)); do cp "$RUN/$i.serial" "$RUN/$i.serial.before-cut"; done
	boot_nodes
}

node_rss() { # MiB of all machines of this run
	local file sum=0 kb
	for file in "$RUN"/*.pid; do
		kb=$(awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$file")/status" 2> /dev/null)
		sum=$((sum + ${kb:-0}))
	done
	echo $((sum / 1024))
}
