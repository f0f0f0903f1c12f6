#!/bin/bash
# warm.sh - the last step of making the base image: start a guest once, so that libvirt has asked
# QEMU what it can do and keeps the answer, then leave the disk clean.
set -euo pipefail
# shellcheck source=lib.sh
. /lab/tree/lib/lib.sh

chmod 777 "$LAB_LOG"
define_vm warm
v start warm
wait_for 60 "serial_has warm 'NANO tick'"
v destroy warm
v undefine warm
[ -n "$(ls /var/cache/libvirt/qemu/capabilities)" ] || { say "libvirt kept no cache"; exit 1; }
kill "$(cat /run/libvirtd.pid)"
n=0
while [ -e "/proc/$(cat /run/libvirtd.pid 2> /dev/null)/stat" ] && [ "$n" -lt 50 ]; do
	sleep 0.2
	n=$((n + 1))
done
rm -rf /var/log/libvirt/qemu/* /var/log/lab
# Each machine gets an identity of its own.
: > /etc/machine-id
rm -f /etc/hostname
sync
echo u > /proc/sysrq-trigger
sleep 1
