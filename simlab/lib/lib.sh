# lib.sh - what scenarios are written with.  Runs inside the lab's machine.
#
# A scenario is a bash script that run.sh sources after this file, with PHASE set (1, then one
# more after each power cut).  It must make assertions: one without any has failed.  What a
# scenario counts survives a power cut, because $LAB_OUT is a folder of the real machine.
# shellcheck shell=bash

LAB_OUT=${LAB_OUT:-/lab/out}
RESULT=$LAB_OUT/result
LAB_LOG=/var/log/lab
LAB_RUN=/run/lab
GUEST=${GUEST:-/lab/art/nano}
mkdir -p "$RESULT" "$LAB_LOG" "$LAB_RUN"

say() { printf '%6.1f %s\n' "$(cut -d ' ' -f 1 /proc/uptime)" "$*"; }

# --- assertions and facts -----------------------------------------------------------------------

ok() { # WHAT
	echo "ok $*" >> "$RESULT/asserts"
	say "ok: $*"
}

fail() { # WHAT: counts and goes on
	echo "not ok $*" >> "$RESULT/asserts"
	say "FAILED: $*"
	return 0
}

die() { # WHAT: nothing after this makes sense
	fail "$*"
	exit 1
}

check() { # WHAT COMMAND…
	local what=$1
	shift
	if "$@"; then ok "$what"; else fail "$what ($*)"; fi
}

refute() { # WHAT COMMAND…: COMMAND must not succeed
	local what=$1
	shift
	if "$@"; then fail "$what (succeeded: $*)"; else ok "$what"; fi
}

equal() { # WHAT GOT WANTED
	if [ "$2" = "$3" ]; then ok "$1"; else fail "$1: got '$2', wanted '$3'"; fi
}

# A value for the JSON line of this scenario; the last one of a KEY counts.
fact() { # KEY VALUE
	[ ! -e "$RESULT/facts" ] || sed -i "/^$1\t/d" "$RESULT/facts"
	printf '%s\t%s\n' "$1" "$2" >> "$RESULT/facts"
}

# Seconds with tenths that COMMAND took, as the fact KEY.
timed() { # KEY COMMAND…
	local key=$1 start status=0
	shift
	start=$(cut -d ' ' -f 1 /proc/uptime)
	"$@" || status=$?
	fact "$key" "$(awk -v a="$start" '{ printf "%.1f", $1 - a }' /proc/uptime)"
	return "$status"
}

# Waits until CONDITION (shell text) is true.  Asks five times a second, for at most TIMEOUT seconds
# of a quiet machine: a busy one gets LAB_PATIENCE times as long, which costs nothing when all is well.
wait_for() { # TIMEOUT CONDITION [WHAT]
	local end
	end=$(($(cut -d . -f 1 /proc/uptime) + $1 * ${LAB_PATIENCE:-4}))
	until eval "$2"; do
		if [ "$(cut -d . -f 1 /proc/uptime)" -ge "$end" ]; then
			fail "waited $1 s for ${3:-$2}"
			return 1
		fi
		sleep 0.2
	done
}

# --- power --------------------------------------------------------------------------------------

# The plug is pulled: what was not flushed to disk is gone.  Does not return; the scenario is
# called again with PHASE one higher when the machine is back.  Header: "needs: powercut".
power_cut() {
	echo LAB-POWER-CUT
	sleep 60
	die "the power was not cut"
}

# --- processes ----------------------------------------------------------------------------------

# Starts COMMAND in its own session, log in $LAB_LOG/NAME.log, pid in $LAB_RUN/NAME.pid.
start_process() { # NAME COMMAND…
	local name=$1
	shift
	process_alive "$name" && { fail "$name runs already"; return 1; }
	echo "--- $(date -u +%FT%TZ) $*" >> "$LAB_LOG/$name.log"
	setsid "$@" >> "$LAB_LOG/$name.log" 2>&1 < /dev/null &
	echo $! > "$LAB_RUN/$name.pid"
	disown
}

process_pid() { cat "$LAB_RUN/$1.pid" 2> /dev/null; }

process_alive() { # NAME; a zombie is not alive
	local pid
	pid=$(process_pid "$1") && [ -n "$pid" ] &&
		grep -q '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" 2> /dev/null
}

# TERM, then KILL after thirty seconds: that is a failure, for a daemon that must obey.
stop_process() { # NAME
	local n=0
	process_alive "$1" || { rm -f "$LAB_RUN/$1.pid"; return 0; }
	kill -TERM "$(process_pid "$1")"
	while process_alive "$1" && [ "$n" -lt 150 ]; do
		sleep 0.2
		n=$((n + 1))
	done
	if process_alive "$1"; then
		fail "$1 did not end within 30 s of SIGTERM"
		kill_process "$1"
	fi
	rm -f "$LAB_RUN/$1.pid"
}

# kill -9 of NAME and of what it forked into its session.
kill_process() { # NAME
	local pid n=0
	pid=$(process_pid "$1") || return 0
	kill -KILL -- "-$pid" 2> /dev/null || kill -KILL "$pid" 2> /dev/null
	while process_alive "$1" && [ "$n" -lt 25 ]; do
		sleep 0.2
		n=$((n + 1))
	done
	rm -f "$LAB_RUN/$1.pid"
}

# In the background: kill -9 of NAME after SECONDS (fractions are fine).
kill_after() { # SECONDS NAME
	( sleep "$1"; kill_process "$2" ) > /dev/null 2>&1 &
}

# Facet's daemons; arguments go to the program.  State lives where packages put it.
start_facetd() { start_process facetd facetd "$@"; }
start_agent() { start_process facet-agent facet-agent "$@"; }
stop_facetd() { stop_process facetd; }
stop_agent() { stop_process facet-agent; }

# --- libvirt and guests -------------------------------------------------------------------------

serial_file() { echo "$LAB_LOG/$1.serial"; }
v() { virsh -q "$@"; }

# Installs FILE as libvirt's hook for QEMU domains.  libvirtd looks for hooks when it starts or is
# told to; the pause is for its answer to the signal, which nothing else shows.
install_hook() { # FILE
	install -m 755 "$1" /etc/libvirt/hooks/qemu
	kill -HUP "$(cat /run/libvirtd.pid)"
	sleep 1
	wait_for 20 "v list > /dev/null 2>&1" "libvirtd after its HUP"
}

# kill -9 of libvirtd, and a new one: guests must not notice.
restart_libvirtd() {
	local pid
	pid=$(cat /run/libvirtd.pid)
	kill -KILL "$pid"
	wait_for 5 "[ ! -e /proc/$pid/exe ]" "libvirtd to die"
	libvirtd -d -l -f /etc/libvirt/libvirtd.conf
	wait_for 30 "v list > /dev/null 2>&1" "the new libvirtd"
}

# The XML of a diskless domain that boots the nano guest; HOSTDEV is XML for its devices.  With
# VM_MIGRATABLE=1 its vGPUs may be migrated: libvirt 11 leaves QEMU's choice to QEMU, which refuses
# devices without dirty tracking unless it is told.
vm_xml() { # NAME [MEM-MIB] [HOSTDEV] [CMDLINE]
	cat <<-END
	<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
	  <name>$1</name>
	  <memory unit='MiB'>${2:-32}</memory>
	  <vcpu>1</vcpu>
	  <os>
	    <type arch='x86_64' machine='pc'>hvm</type>
	    <kernel>$LAB_RUN/guest</kernel>
	    <cmdline>${4:-}</cmdline>
	  </os>
	  <features><acpi/></features>
	  <on_poweroff>destroy</on_poweroff>
	  <on_crash>destroy</on_crash>
	  <devices>
	    <serial type='file'><source path='$(serial_file "$1")' append='on'/></serial>
	    <controller type='usb' model='none'/>
	    <memballoon model='none'/>
	    ${3:-}
	  </devices>
	  ${VM_MIGRATABLE:+<qemu:commandline><qemu:arg value='-global'/>
	    <qemu:arg value='vfio-pci.enable-migration=on'/></qemu:commandline>}
	</domain>
	END
}

define_vm() { # NAME [MEM-MIB] [HOSTDEV] [CMDLINE]
	# A copy, because the shared folder can not change hands and libvirt wants to own it.
	[ -e "$LAB_RUN/guest" ] || install -m 644 "$GUEST" "$LAB_RUN/guest"
	vm_xml "$@" > "$LAB_RUN/$1.xml"
	v define "$LAB_RUN/$1.xml" > /dev/null
}

hostdev_pci() { # BDF
	local d=${1%%:*} rest=${1#*:}
	echo "<hostdev mode='subsystem' type='pci' managed='${2:-no}'><source><address domain='0x$d'" \
		"bus='0x${rest%%:*}' slot='0x$(slot_of "$1")' function='0x${1##*.}'/></source></hostdev>"
}

slot_of() { local s=${1##*:}; echo "${s%.*}"; }

hostdev_mdev() { # UUID
	echo "<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci' display='off'>" \
		"<source><address uuid='$1'/></source></hostdev>"
}

vm_state() { v domstate "$1" 2> /dev/null | head -n 1; }
vm_running() { [ "$(vm_state "$1")" = running ]; }

# Does the guest's serial line hold REGEX (extended)?
serial_has() { grep -qaE -- "$2" "$(serial_file "$1")" 2> /dev/null; }

# The last number the guest counted to.
guest_ticks() {
	grep -aoE 'NANO tick [0-9]+' "$(serial_file "$1")" 2> /dev/null | tail -n 1 | cut -d ' ' -f 3
}

# Asks by ACPI, which the nano guest obeys; pulls the plug when it does not.
stop_vm() { # NAME [TIMEOUT]
	v shutdown "$1" > /dev/null || return
	wait_for "${2:-15}" "! vm_running '$1'" "$1 to power off" ||
		v destroy "$1" > /dev/null
}

# --- vGPUs --------------------------------------------------------------------------------------

pci_dir() { echo "/sys/bus/pci/devices/$1"; }

# Addresses of NVIDIA's physical functions, and of the virtual functions of one.
gpu_list() {
	local dir
	for dir in /sys/bus/pci/devices/*; do
		[ "$(cat "$dir/vendor")" = 0x10de ] && [ ! -e "$dir/physfn" ] && basename "$dir"
	done
}

vf_list() { # BDF-OF-PF
	local link
	for link in "$(pci_dir "$1")"/virtfn*; do
		[ -e "$link" ] && echo "${link##*/virtfn} $(basename "$(readlink -f "$link")")"
	done | sort -n | cut -d ' ' -f 2
}

# By NVIDIA's tool, since the driver refuses a number written to sriov_numvfs.
enable_vfs() { /usr/lib/nvidia/sriov-manage -e "$1"; }

vgpu_type() { cat "$(pci_dir "$1")/nvidia/current_vgpu_type"; }
vgpu_set() { echo "$2" > "$(pci_dir "$1")/nvidia/current_vgpu_type"; }
creatable() { cat "$(pci_dir "$1")/nvidia/creatable_vgpu_types"; }

# Every vGPU on this machine: "BDF TYPE" for the vendor's framework, "UUID TYPE PARENT" for mdev.
vgpus() {
	local file dir
	for file in /sys/bus/pci/devices/*/nvidia/current_vgpu_type; do
		[ -e "$file" ] || continue
		[ "$(cat "$file")" = 0 ] || echo "$(basename "${file%/nvidia/*}") $(cat "$file")"
	done
	for dir in /sys/bus/mdev/devices/*; do
		[ -e "$dir" ] && echo "${dir##*/} $(basename "$(readlink -f "$dir/mdev_type")")" \
			"$(basename "$(dirname "$(readlink -f "$dir")")")"
	done
}

mdevs() { ls /sys/bus/mdev/devices 2> /dev/null; }

mdev_create() { # PARENT TYPE UUID
	echo "$3" > "$(pci_dir "$1")/mdev_supported_types/$2/create"
}

mdev_remove() { echo 1 > "/sys/bus/mdev/devices/$1/remove"; }

# --- other machines -----------------------------------------------------------------------------

# Runs shell text on node LETTER with the same environment and this library.
on_node() { # LETTER TEXT…
	local node=$1
	shift
	ssh "node-$node" ". /lab/out/env; . /lab/tree/lib/lib.sh; $*"
}
