#!/bin/bash
# run.sh NAME PHASE - run one scenario inside the lab's machine; its exit status is the verdict.
set -uo pipefail

name=$1
export PHASE=$2
# shellcheck source=lib.sh
. /lab/tree/lib/lib.sh
# shellcheck source=facet.sh
. /lab/tree/lib/facet.sh
# shellcheck source=crash.sh
. /lab/tree/lib/crash.sh

# shellcheck disable=SC2317
finish() {
	local status=$? passed failed
	trap - EXIT
	passed=$(grep -c '^ok ' "$RESULT/asserts" 2> /dev/null)
	failed=$(grep -c '^not ok ' "$RESULT/asserts" 2> /dev/null)
	fact assertions "$((${passed:-0} + ${failed:-0}))"
	fact failed "${failed:-0}"
	if [ "${passed:-0}" = 0 ] && [ "${failed:-0}" = 0 ]; then
		say "FAILED: $name asserted nothing"
		exit 1
	fi
	if [ "$status" != 0 ] && [ "${failed:-0}" = 0 ]; then
		say "FAILED: $name ended with status $status, though no assertion failed"
	fi
	[ "$status" = 0 ] && [ "${failed:-0}" = 0 ]
	exit $?
}
trap finish EXIT
cd /tmp || exit
# shellcheck disable=SC1090
. "/lab/tree/scenarios/$name.sh"
