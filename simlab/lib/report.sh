# report.sh - run scenarios on machines and say how they ended.  Sourced by lab/lab.
# shellcheck shell=bash

FAILED=0

scenario_header() { # FILE KEY
	sed -n "/^#/!q; s/^# $2: *//p" "$1" | head -n 1
}

scenario_needs() { # NAME WORD: is WORD among its needs?
	local words
	words=$(scenario_header "$LAB_DIR/scenarios/$1.sh" needs)
	[[ " ${words//,/ } " == *" $2 "* ]]
}

# Scenarios with the same key can use the same machines, one after the other.
scenario_key() { # NAME
	local file=$LAB_DIR/scenarios/$1.sh nodes mem iommu=0 cut=0
	nodes=$(scenario_header "$file" nodes)
	mem=$(scenario_header "$file" mem)
	scenario_needs "$1" iommu && iommu=1
	scenario_needs "$1" powercut && cut=1
	echo "NODES=${nodes:-1} MEM=${mem:-$MEM} IOMMU=$iommu POWERCUT=$cut"
}

run_groups() {
	local key name
	local -A members=()
	local -a keys=()
	for name in "${ARGUMENTS[@]}"; do
		key=$(scenario_key "$name")
		[ -n "${members[$key]:-}" ] || keys+=("$key")
		members[$key]+=" $name"
	done
	for key in "${keys[@]}"; do
		# shellcheck disable=SC2086,SC2163
		declare -g $key
		# shellcheck disable=SC2086
		run_group ${members[$key]}
	done
}

run_group() { # NAME…
	local name i booted=1
	say "booting for: $* ($NODES node(s), $MEM MiB$([ "$IOMMU" = 1 ] && echo ", IOMMU"))"
	new_machines || booted=0
	for name in "$@"; do
		for ((i = 1; i <= REPEAT; i++)); do
			if [ "$booted" = 1 ]; then
				run_scenario "$name"
			else
				report "$name" false 0 "the machine did not start"
			fi
		done
	done
	if [ "$KEEP" = 1 ] && [ "$booted" = 1 ]; then
		save_settings
		trap - EXIT
		say "kept: lab/lab ssh, lab/lab down (folder $RUN)"
		KEEP=0
		RUN=
		return
	fi
	[ "$booted" = 1 ] && say "memory of the machines: $(node_rss) MiB"
	stop_machines
	forget_run
}

# The run's folder goes, save for the logs of a failure.
forget_run() {
	[ -n "${RUN:-}" ] && [ -d "$RUN" ] || return 0
	rm -rf -- "$RUN"/*.qcow2 "$RUN/art" "$RUN/none"
	if [ -e "$RUN/keep" ]; then
		say "logs of what failed: $RUN"
	else
		rm -rf -- "$RUN"
	fi
	RUN=
}

# Brings every node to the state in which a scenario finds it: the GPUs of SPEC, nothing else.
prepare_nodes() { # [again]
	local i
	for ((i = 1; i <= NODES; i++)); do
		node_ssh "$i" 90 ". /lab/out/env; bash /lab/tree/lib/prepare.sh '$GPUS' '${1:-}'" \
			>&2 < /dev/null ||
			{ say "$(node_name "$i") could not be prepared with GPUs '$GPUS'"; return 1; }
	done
}

run_scenario() { # NAME
	local name=$1 start=$SECONDS phase=1 status=0 file=$LAB_DIR/scenarios/$1.sh again='' reason=''
	local limit
	limit=$(scenario_header "$file" limit)
	GPUS=$(scenario_header "$file" gpus)
	rm -rf "$RUN/out/result" "$RUN/out"/logs-*
	mkdir -p "$RUN/out/result"
	say "$name: $(scenario_header "$file" sentence)"
	while :; do
		prepare_nodes "$again" || { status=1 reason="prepare failed"; break; }
		run_phase "$name" "$phase" "${limit:-600}" && status=0 || status=$?
		[ "$status" = 75 ] || break
		say "$name: power cut"
		power_cut || { status=1 reason="did not boot after the power cut"; break; }
		phase=$((phase + 1)) again=again
	done
	[ "$status" = 124 ] && reason="not done after ${limit:-600} s"
	if [ "$status" = 0 ]; then
		report "$name" true $((SECONDS - start)) ''
	else
		collect_logs "$name"
		[ -n "$reason" ] || reason=$(sed -n 's/^not ok //p' "$RUN/out/result/asserts" \
			2> /dev/null | head -n 1) || true
		[ -s "$RUN/out/result/asserts" ] || reason=${reason:-it asserted nothing}
		report "$name" false $((SECONDS - start)) "${reason:-see the logs}"
	fi
}

# Runs one phase on node 1 with its output on stderr.  75: the scenario wants the power cut.
run_phase() { # NAME PHASE LIMIT
	local line status=0
	# The limit is kept inside, where it ends the script's children too; the one here is for a
	# machine that hangs.  A connection of its own, since a shared one would keep this pipe open.
	coproc PHASE { node_ssh 1 $(($3 + 60)) --alone ". /lab/out/env
		timeout -k 10 $3 bash /lab/tree/lib/run.sh $1 $2" 2>&1 < /dev/null; }
	local pid=$PHASE_PID out=${PHASE[0]}
	exec {out}<&"$out"
	while IFS= read -r line <&"$out"; do
		if [ "$line" = LAB-POWER-CUT ]; then
			status=75
			break
		fi
		printf '  %s\n' "$line" >&2
	done
	exec {out}<&-
	if [ "$status" = 75 ]; then
		kill "$pid" 2> /dev/null || true
		wait "$pid" 2> /dev/null || true
		return 75
	fi
	wait "$pid"
}

collect_logs() { # NAME
	local i
	: > "$RUN/keep"
	for ((i = 1; i <= NODES; i++)); do
		node_ssh "$i" 60 "bash /lab/tree/lib/collect.sh" < /dev/null >&2 || true
	done
	mkdir -p "$RUN/failed"
	rm -rf "$RUN/failed/$1"
	cp -r "$RUN/out" "$RUN/failed/$1"
}

json_string() { # TEXT
	local s=$1
	s=${s//\\/\\\\} s=${s//\"/\\\"} s=${s//$'\t'/ } s=${s//$'\n'/ }
	printf '"%s"' "${s//[$'\001'-$'\037']/}"
}

# The facts that the scenario wrote, "KEY<tab>VALUE" a line; numbers stay numbers.
json_facts() {
	local key value comma=''
	printf '{'
	while IFS=$'\t' read -r key value; do
		[[ $value =~ ^-?(0|[1-9][0-9]*)(\.[0-9]+)?$ ]] || value=$(json_string "$value")
		printf '%s%s:%s' "$comma" "$(json_string "$key")" "$value"
		comma=,
	done < <(cat "$RUN/out/result/facts" 2> /dev/null)
	printf '}'
}

report() { # NAME OK SECONDS REASON
	local more=''
	[ "$2" = true ] || FAILED=1
	[ -z "$4" ] || more=",\"reason\":$(json_string "$4"),\"logs\":$(json_string "$RUN")"
	printf '{"scenario":%s,"ok":%s,"seconds":%d,"facts":%s%s}\n' \
		"$(json_string "$1")" "$2" "$3" "$(json_facts)" "$more"
}
