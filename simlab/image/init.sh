#!/bin/bash
# init.sh - process 1 of the lab's machine.
#
# Starts by hand, and in the order that is fastest, what a KVM host of Debian runs: udev, D-Bus,
# sshd, libvirtd.  Under emulation systemd needs twice as long and gives scenarios nothing.
# Says LAB-READY on the serial line when libvirt answers, LAB-FAILED with a reason when not.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root

failed() { echo "LAB-FAILED init.sh: $*" > /dev/console; }

# The value of NAME=… on the kernel's command line, or DEFAULT.
option() { # NAME DEFAULT
	local word
	for word in $(< /proc/cmdline); do
		[ "${word%%=*}" = "$1" ] && { echo "${word#*=}"; return; }
	done
	echo "$2"
}

mount_all() {
	mount -t tmpfs -o mode=755,nosuid,nodev run /run
	mount -t tmpfs -o mode=1777,nosuid,nodev tmp /tmp
	ln -sfn /proc/self/fd /dev/fd
	mkdir -p /dev/pts /dev/shm /run/lock /run/lab /run/dbus /run/sshd /run/systemd
	mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
	mount -t tmpfs shm /dev/shm
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t debugfs debugfs /sys/kernel/debug 2> /dev/null
}

mount_shares() {
	local opts=trans=virtio,version=9p2000.L,msize=262144
	modprobe -a 9pnet_virtio 9p || failed "no 9p in this kernel"
	mount -t 9p -o "ro,$opts" tree /lab/tree || failed "share tree"
	mount -t 9p -o "ro,$opts" art /lab/art || failed "share art"
	mount -t 9p -o "rw,$opts" out /lab/out || failed "share out"
	# Not every run has a build of Facet.
	mount -t 9p -o "ro,cache=mmap,$opts" facet /facet 2> /dev/null || true
	[ -f /lab/tree/image/sriov-manage ] &&
		install -m 755 /lab/tree/image/sriov-manage /usr/lib/nvidia/sriov-manage
}

set_identity() {
	local uuid
	number=$(option lab.node 1)
	letter=$(printf %s abcdefgh | cut -c "$number")
	hostname "node-$letter"
	echo "node-$letter" > /etc/hostname
	uuid=$(cat /sys/class/dmi/id/product_uuid 2> /dev/null)
	[ -s /etc/machine-id ] || echo "${uuid//-/}" | tr A-F a-f > /etc/machine-id
}

wait_link() { # NAME
	local n=0
	while [ ! -e "/sys/class/net/$1" ] && [ "$n" -lt 50 ]; do
		sleep 0.1
		n=$((n + 1))
	done
	[ -e "/sys/class/net/$1" ]
}

set_network() {
	ip link set lo up
	modprobe virtio_net
	wait_link eth0 || failed "eth0 did not appear"
	ip addr add 10.0.2.15/24 dev eth0
	ip link set eth0 up
	if [ "$(option lab.nodes 1)" -gt 1 ]; then
		wait_link eth1 || failed "eth1 did not appear"
		ip addr add "10.77.0.$number/24" dev eth1
		ip link set eth1 up
	else
		ip addr add "10.77.0.$number/24" dev lo
	fi
}

start_libvirt() {
	local n=0
	libvirtd -d -l -f /etc/libvirt/libvirtd.conf || failed "libvirtd"
	while ! timeout 20 virsh -q list > /dev/null 2>&1; do
		n=$((n + 1))
		[ "$n" -lt 60 ] || { failed "libvirtd does not answer"; return; }
		sleep 0.3
	done
}

mount_all
set_identity
/usr/lib/systemd/systemd-udevd --daemon
set_network
/usr/sbin/sshd
mount_shares
dbus-daemon --system --fork
udevadm trigger --action=add --subsystem-match=misc --subsystem-match=pci \
	--subsystem-match=vfio --subsystem-match=vfio-dev
modprobe -a vfio mdev vfio_iommu_type1 2> /dev/null
start_libvirt
echo "LAB-READY $(cut -d ' ' -f 1 /proc/uptime)" > /dev/console

# Process 1 must stay, and must collect the children that daemons leave behind.
while :; do
	sleep 3600 &
	wait $!
done
