# crash.sh - a daemon dies at the Nth place it passes, N from 1 to 25, in a start and in a stop.
#
# The daemons of the lab are built with crash points (src/base/crash.h): each pass takes one from the
# number in a file, and the last one is SIGKILL.
# shellcheck shell=bash

CRASH=$LAB_RUN/crash
CRASH_DAEMON=
died=0

arm() { echo "$1" > "$CRASH"; chmod 666 "$CRASH"; }
disarm() { rm -f "$CRASH"; }

# As wait_for, but not being true in time is no failure.
soon() { # TENTHS CONDITION
	local n=0
	until eval "$2"; do
		[ "$n" -lt "$1" ] || return 1
		sleep 0.1
		n=$((n + 1))
	done
}

revive() { # DAEMON
	disarm
	case $1 in
	facetd) process_alive facetd || facetd_up ;;
	facet-agent) process_alive facet-agent || agent_up ;;
	esac
	wait_for 30 "host_ready" "the host after a crash"
}

operations_ended() { [ "$(running_operations 2> /dev/null)" = 0 ]; }

# What must be so whatever died where.
settled() { # WHAT
	wait_for 60 operations_ended "operations to end after $1" || return 1
	wait_for 30 'ledger_is_kernel > /dev/null 2>&1' "ledger and kernel to agree after $1" || {
		ledger_is_kernel
		return 1
	}
	ledger_ok || { fail "the ledger after $1"; return 1; }
}

ask() { # start|stop
	timeout 30 facet vm "$1" web01 --no-wait > /tmp/ask.log 2>&1
}

# Until the VM is as wanted; an operation that a crash has ended may have left it otherwise.
ensure() { # running|stopped VERB
	local n=0
	until [ "$(vm_field web01 state)" = "$1" ]; do
		[ $n -lt 5 ] || { fail "web01 can not be brought to $1: $(cat /tmp/ask.log)"; return 1; }
		ask "$2"
		wait_for 60 operations_ended "a $2 without a crash"
		n=$((n + 1))
	done
}

# At point N while there are that many; an operation passes fewer, and after its last one the daemon
# is killed by the clock instead, later and later.
declare -A last_point=()

crash_at_point() { # DAEMON start|stop N
	arm "$3"
	ask "$2"
	if soon 300 "! process_alive $1 || operations_ended"; then
		soon 5 "! process_alive $1"
	fi
	if process_alive "$1"; then
		last_point[$2]=$3
		disarm
		return 1
	fi
	grep -a 'crash point:' "$LAB_LOG/$1.log" | tail -n 1 | sed 's/.*point: //' >> "$LAB_RUN/places"
}

crash_at_time() { # DAEMON start|stop N
	ask "$2"
	sleep "$(awk -v n="$3" 'BEGIN { printf "%.2f", n * 0.25 }')"
	kill_process "$1"
}

crash_in() { # DAEMON start|stop N
	local what="$1 dead at point $3 of a $2"
	if [ -z "${last_point[$2]:-}" ] && ! crash_at_point "$@"; then
		settled "a $2 that has no point $3" || return
		ensure "$(before "$2")" "$(opposite "$2")"
	fi
	if [ -n "${last_point[$2]:-}" ]; then
		what="$1 killed $3 quarter seconds into a $2"
		crash_at_time "$@"
	fi
	died=$((died + 1))
	kill_process "$1"
	revive "$1"
	settled "$what" && ok "settled with $what"
}

before() { [ "$1" = start ] && echo stopped || echo running; }
opposite() { [ "$1" = start ] && echo stop || echo start; }

crash_everywhere() { # DAEMON
	CRASH_DAEMON=$1
	facet_up
	group ai 'board contains "L40S"' 1
	define_vm web01 || die "libvirt refuses the domain"
	attach web01 ai "NVIDIA L40S-8Q"
	: > "$LAB_RUN/places"
	for n in $(seq 1 "${POINTS:-25}"); do
		ensure stopped stop && crash_in "$1" start "$n"
		ensure running start && crash_in "$1" stop "$n"
	done
	fact crashes $died
	fact places "$(sort -u "$LAB_RUN/places" | wc -l)"
	fact points_of_start "${last_point[start]:-all}"
	fact points_of_stop "${last_point[stop]:-all}"
	equal "the daemon died each time" $died $((2 * ${POINTS:-25}))
	ensure stopped stop
	nothing_left
}
