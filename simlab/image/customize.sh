#!/bin/bash
# customize.sh ROOT KEYDIR - turn a fresh Debian tree into the lab's machine.
#
# Called by mmdebstrap while apt still works in ROOT.  KEYDIR holds the ssh key pair of this
# cache.  The kernel is unpacked, not installed: its package would pull in initramfs-tools and
# spend half a minute on an initrd that the lab never boots.
set -euo pipefail
root=$1 keys=$2

say() { echo "customize: $*" >&2; }

unpack_kernel() {
	local name
	name=$(chroot "$root" apt-cache show linux-image-amd64 |
		sed -n 's/^Depends: \([^ ,]*\).*/\1/p' | head -n 1)
	[ -n "$name" ] || { say "linux-image-amd64 names no kernel"; return 1; }
	say "kernel $name"
	chroot "$root" sh -c "cd /tmp && apt-get -q download '$name' && dpkg -x '$name'_*.deb / &&
		rm -f '$name'_*.deb"
	echo "${name#linux-image-}" > "$root/lab/kver"
}

# Drivers of hardware that QEMU does not have; a quarter of the image otherwise.
drop_modules() {
	local dir
	dir="$root/usr/lib/modules/$(cat "$root/lab/kver")"
	[ -d "$dir" ] || dir="$root/lib/modules/$(cat "$root/lab/kver")"
	rm -rf "$dir"/kernel/sound "$dir"/kernel/drivers/{gpu,media,staging,infiniband,isdn} \
		"$dir"/kernel/drivers/net/{wireless,ethernet,usb,can} \
		"$dir"/kernel/drivers/{iio,hwmon,usb,bluetooth,comedi,scsi,input,mtd,thunderbolt} \
		"$dir"/kernel/fs/{ocfs2,xfs,btrfs,gfs2,ceph,smb,nfs,nfsd,f2fs,bcachefs}
	chroot "$root" depmod "$(cat "$root/lab/kver")"
}

configure_ssh() {
	install -d -m 700 "$root/root/.ssh"
	install -m 600 "$keys/id_ed25519" "$keys/id_ed25519.pub" "$root/root/.ssh/"
	install -m 600 "$keys/id_ed25519.pub" "$root/root/.ssh/authorized_keys"
	cat > "$root/root/.ssh/config" <<-END
	Host *
	    StrictHostKeyChecking no
	    UserKnownHostsFile /dev/null
	    LogLevel ERROR
	    ConnectTimeout 10
	END
	# PAM would start a login session over D-Bus for each command.
	cat > "$root/etc/ssh/sshd_config.d/lab.conf" <<-END
	PermitRootLogin prohibit-password
	PasswordAuthentication no
	UsePAM no
	UseDNS no
	PrintMotd no
	MaxSessions 50
	END
}

configure_libvirt() {
	install -d "$root/etc/libvirt/hooks"
	cat >> "$root/etc/libvirt/qemu.conf" <<-END
	security_driver = "none"
	stdio_handler = "file"
	END
	# Migration between two lab machines comes in over TCP on a wire that only they share.
	cat >> "$root/etc/libvirt/libvirtd.conf" <<-END
	listen_tls = 0
	listen_tcp = 1
	auth_tcp = "none"
	END
}

configure_names() {
	local i
	{
		echo "127.0.0.1 localhost"
		for i in 1 2 3 4 5 6 7 8; do
			printf '10.77.0.%d node-%s\n' "$i" "$(printf %s abcdefgh | cut -c "$i")"
		done
	} > "$root/etc/hosts"
	: > "$root/etc/machine-id"
	echo 'LANG=C.UTF-8' > "$root/etc/environment"
	echo '[ -r /lab/out/env ] && . /lab/out/env' >> "$root/root/.bashrc"
}

mkdir -p "$root"/lab/{tree,art,out,base} "$root/facet" "$root/usr/lib/nvidia"
unpack_kernel
drop_modules
configure_ssh
configure_libvirt
configure_names
chroot "$root" groupadd -f -r facet
chroot "$root" useradd -r -g facet -d /var/lib/facet -s /usr/sbin/nologin facet
