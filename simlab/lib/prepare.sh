#!/bin/bash
# prepare.sh GPUS [again] - bring this machine to the state in which a scenario starts.
#
# Nothing runs, no vGPU exists, nothing of Facet is on disk, and the simulated GPUs are those of
# GPUS ("none": no module).  With "again", after a power cut: only the GPUs, the disk stays.
set -uo pipefail
gpus=$1 again=${2:-}
# shellcheck source=lib.sh
. /lab/tree/lib/lib.sh

stop_everything() {
	local file name uuid
	for file in "$LAB_RUN"/*.pid; do
		[ -e "$file" ] && kill_process "$(basename "$file" .pid)"
	done
	for name in $(v list --name); do v destroy "$name" > /dev/null; done
	for name in $(v list --all --name); do v undefine "$name" > /dev/null; done
	for uuid in $(mdevs); do mdev_remove "$uuid"; done
}

wipe_state() {
	rm -rf /var/lib/facet /etc/facet /run/facet /var/log/lab/* /etc/mdevctl.d/*
	rm -f /run/lab/*.xml
	if [ -n "$(ls /etc/libvirt/hooks)" ]; then
		rm -rf /etc/libvirt/hooks/*
		# libvirtd looks for hooks when it starts or is told to.
		kill -HUP "$(cat /run/libvirtd.pid)"
	fi
}

load_gpus() {
	if grep -q '^facetsim ' /proc/modules; then
		rmmod facetsim || { say "facetsim can not be unloaded"; exit 1; }
	fi
	case $gpus in '' | none) return ;; esac
	[ -e /lab/art/facetsim.ko ] || { say "no facetsim.ko was built (lab/module)"; exit 1; }
	modprobe -a vfio mdev vfio_pci_core 2> /dev/null
	insmod /lab/art/facetsim.ko "gpus=$gpus" || { dmesg | tail -n 5; exit 1; }
	udevadm settle -t 10
}

if [ -z "$again" ]; then
	stop_everything
	wipe_state
fi
load_gpus
mkdir -p "$LAB_LOG"
chmod 777 "$LAB_LOG"
