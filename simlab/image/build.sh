# build.sh - make the lab's parts, each once per content of its recipe.  Sourced by ./lab.
#
# A part is a folder PART-HASH in the cache, HASH being that of everything it is made from.  It is
# made under a temporary name and renamed when complete, so an interrupted build goes on where it
# was, and whatever has the final name is whole.
#
#     key ─┐
#     packages, customize.sh ── rootfs ──┬── initrd ── base (booted once, libvirt's caches warm)
#                                        └── builder ── module
#     guest/nano ── nano
# shellcheck shell=bash

# The mirror that this machine itself uses; where it names none of Debian's, mmdebstrap's own choice.
debian_mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2> /dev/null |
		sed -n 's#/debian/\{0,1\}$#/debian#p' | sort -u | head -n 1 || true
}
LAB_MIRROR=${FACET_LAB_MIRROR:-$(debian_mirror)}
LAB_SUITE=trixie
MODULE_FAILED=0

# Where each part of this run is.  Kept, because a recipe may change while a run goes on.
declare -A PART_PATHS=()

part_path() { # PART
	if [ -n "${PART_PATHS[$1]:-}" ]; then
		printf '%s' "${PART_PATHS[$1]}"
	else
		printf '%s/%s-%s' "$LAB_CACHE" "$1" "$("part_hash_$1")"
	fi
}

hash_of() { # FILE…: content and name, so that moving a file counts too
	local file
	for file in "$@"; do
		[ -e "$file" ] && { printf '%s\n' "${file##*/}"; cat "$file"; }
	done | sha256sum | cut -c 1-12
}

part_hash_key() { echo v1; }
part_hash_rootfs() { { cat "$LAB_DIR"/image/{packages,customize.sh}; echo "$LAB_SUITE"; } |
	sha256sum | cut -c 1-12; }
part_hash_initrd() { { part_hash_rootfs; hash_of "$LAB_DIR"/image/init{rd-init,.sh}; } |
	sha256sum | cut -c 1-12; }
part_hash_base() { part_hash_rootfs; }
part_hash_builder() { part_hash_rootfs; }
part_hash_nano() { hash_of "$LAB_DIR"/guest/nano/*; }
part_hash_module() {
	{ part_hash_rootfs; hash_of "$LAB_DIR"/module/* "$REPO"/src/model/{geometry,creatable}.*; } |
		sha256sum | cut -c 1-12
}

# Makes PART if it is not there: part_make_PART gets an empty folder to fill.
part_need() { # PART WHAT-IT-IS
	local path tmp start=$SECONDS
	path=$(part_path "$1")
	PART_PATHS[$1]=$path
	if [ -e "$path" ]; then
		[ "$QUIET" = 1 ] || say "$1: there already"
		return
	fi
	say "$1: making $2 …"
	tmp=$LAB_CACHE/tmp-$1
	remove_tree "$tmp"
	mkdir -p "$tmp"
	"part_make_$1" "$tmp" > "$LAB_CACHE/$1.log" 2>&1 || {
		say "$1: failed; the last lines of $LAB_CACHE/$1.log:"
		tail -n 15 "$LAB_CACHE/$1.log" >&2
		return 1
	}
	mv -T "$tmp" "$path"
	say "$1: made in $((SECONDS - start)) s"
	part_forget "$1" "$path"
}

# Older versions of PART, save the newest of them: two branches may take turns.
part_forget() { # PART CURRENT
	local old
	find "$LAB_CACHE" -maxdepth 1 -type d -name "$1-*" ! -path "$2" -printf '%T@ %p\n' |
		sort -rn | tail -n +2 | cut -d ' ' -f 2- | while read -r old; do
		lab_in_use "$old" || remove_tree "$old"
	done
}

# A part is in use when a running machine has one of the same recipe on its command line: the base
# image is not there itself, but it is of the same recipe as the kernel.
lab_in_use() { # PATH
	local file recipe=${1##*-}
	for file in /proc/[0-9]*/cmdline; do
		grep -qaF -- "-$recipe/" "$file" 2> /dev/null && return 0
	done
	return 1
}

# rm -rf for trees that may have file systems mounted in them.
remove_tree() { # PATH
	[ -e "$1" ] || return 0
	case $1 in "$LAB_CACHE"/?*) ;; *) die "refusing to remove $1: not in the cache" ;; esac
	if grep -q " $1/" /proc/mounts; then
		die "$1 has something mounted in it: umount that, then run this again"
	fi
	rm -rf --one-file-system -- "$1"
}

debian_tree() { # DIR PACKAGES [mmdebstrap option…]
	local dir=$1 packages=$2
	shift 2
	mmdebstrap --variant=minbase --aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Retries "3"' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--include="$packages" "$@" "$LAB_SUITE" "$dir" ${LAB_MIRROR:+"$LAB_MIRROR"}
}

part_make_key() { ssh-keygen -q -t ed25519 -N '' -C facet-lab -f "$1/id_ed25519"; }

part_make_rootfs() {
	debian_tree "$1/root" "$(grep -v '^#' "$LAB_DIR/image/packages" | paste -sd , -)" \
		--customize-hook="bash '$LAB_DIR/image/customize.sh' \"\$1\" '$(part_path key)'" || return
	cp "$1/root/lab/kver" "$1/kver" &&
		cp "$1"/root/boot/vmlinuz-* "$1/vmlinuz" &&
		rm -f "$1"/root/boot/*
}

# The kernel modules that the initrd loads, in an order that satisfies each of them.
module_closure() { # MODULES-DIR NAME…
	local dir=$1 name path
	shift
	for name in "$@"; do
		path=$(sed -n "s#^\([^:]*/$name\.ko[^:]*\):.*#\1#p" "$dir/modules.dep" | head -n 1)
		[ -n "$path" ] || continue          # built in
		sed -n "s#^$path: *##p" "$dir/modules.dep" | tr ' ' '\n' | tac | sed '/^$/d'
		echo "$path"
	done | awk '!seen[$0]++'
}

part_make_initrd() {
	local root kver dir path name
	root=$(part_path rootfs)/root
	kver=$(cat "$(part_path rootfs)/kver")
	dir=$root/usr/lib/modules/$kver
	[ -d "$dir" ] || dir=$root/lib/modules/$kver
	mkdir -p "$1"/tree/{bin,modules,root}
	cp "$root/usr/bin/busybox" "$1/tree/bin/busybox"
	install -m 755 "$LAB_DIR/image/initrd-init" "$1/tree/init"
	install -m 644 "$LAB_DIR/image/init.sh" "$1/tree/init.sh"
	for path in $(module_closure "$dir" virtio_pci virtio_blk crc32c_generic crc32c-intel ext4); do
		name=$(basename "${path%.xz}")
		case $path in
		*.xz) xz -dc "$dir/$path" > "$1/tree/modules/$name" || return ;;
		*) cp "$dir/$path" "$1/tree/modules/$name" || return ;;
		esac
		echo "$name" >> "$1/tree/modules/order"
	done
	(cd "$1/tree" && find . | cpio -o -H newc --quiet | gzip -1) > "$1/initrd" || return
	cat "$1/tree/modules/order"
	rm -rf "$1/tree"
}

# Makes the disk, boots it once and starts a guest on it: libvirt then keeps what it learned of
# QEMU, which costs the first start of every later run several seconds otherwise.
part_make_base() {
	truncate -s 3G "$1/base.raw" &&
		mke2fs -q -t ext4 -O ^metadata_csum -J size=16 -L facet-lab -m 0 \
			-d "$(part_path rootfs)/root" "$1/base.raw" || return
	FACET_LAB_WARM=$1/base.raw "$LAB_DIR/lab" warm
}

part_make_builder() {
	local kver
	kver=$(cat "$(part_path rootfs)/kver")
	debian_tree "$1/root" "gcc,make,linux-headers-$kver"
}

part_make_module() {
	local root kver
	root=$(part_path builder)/root
	kver=$(cat "$(part_path rootfs)/kver")
	rm -rf "$root/src"
	mkdir -p "$root/src/simlab" "$root/src/src"
	cp -r "$LAB_DIR/module" "$root/src/simlab/module" || return
	cp -r "$REPO/src/base" "$REPO/src/model" "$root/src/src/" 2> /dev/null
	find "$root/src" \( -name '*.o' -o -name '*.ko' -o -name '*.cmd' -o -name '*.mod*' \) -delete
	chroot "$root" make -C /src/simlab/module "KDIR=/lib/modules/$kver/build" || return
	find "$root/src/simlab/module" -name '*.ko' -exec cp {} "$1/" \;
	[ -e "$1/facetsim.ko" ] || { echo "the Makefile made no facetsim.ko"; return 1; }
}

part_make_nano() { make -s -C "$LAB_DIR/guest/nano" OUT="$1"; }

have_module_source() { [ -e "$LAB_DIR/module/Makefile" ]; }

# --- what the host must have ------------------------------------------------------------------

host_needs() { # command package
	cat <<-END
	mmdebstrap mmdebstrap
	mke2fs e2fsprogs
	tune2fs e2fsprogs
	xz xz-utils
	cpio cpio
	gcc gcc
	ld binutils
	make make
	qemu-system-x86_64 qemu-system-x86
	qemu-img qemu-utils
	ssh openssh-client
	flock util-linux
	END
}

host_check() {
	local command package missing=()
	while read -r command package; do
		PATH=$PATH:/usr/sbin:/sbin command -v "$command" > /dev/null || missing+=("$package")
	done < <(host_needs)
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
	[ ${#missing[@]} -gt 0 ] || return 0
	mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
	if [ "${FACET_INSTALL:-0}" != 1 ]; then
		die "this machine lacks: ${missing[*]}. Install them (apt-get install" \
			"--no-install-recommends ${missing[*]}), or run this again with --install"
	fi
	[ "$(id -u)" = 0 ] || die "--install needs root; missing: ${missing[*]}"
	say "installing on this machine: ${missing[*]}"
	apt-get -q update >&2 &&
		DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
			"${missing[@]}" >&2
}

build_all() {
	host_check
	mkdir -p "$LAB_CACHE"
	exec {build_lock}> "$LAB_CACHE/lock"
	if ! flock -n "$build_lock"; then
		say "another build holds $LAB_CACHE/lock: waiting for it (at most 30 minutes)"
		flock -w 1800 "$build_lock" || die "the other build did not end within 30 minutes"
	fi
	if [ ! -e "$(part_path rootfs)" ] || [ ! -e "$(part_path builder)" ]; then
		[ "$(id -u)" = 0 ] || die "making the image needs root"
	fi
	part_need key "an ssh key for this cache"
	part_need rootfs "a Debian $LAB_SUITE tree (about 1 minute, 300 MB)"
	part_need initrd "an initrd"
	part_need nano "the guest without an OS"
	part_need base "the base image: one boot to warm libvirt's caches"
	if have_module_source; then
		part_need builder "a tree with a compiler and kernel headers (about 1 minute, 1 GB)"
		# A machine without GPUs needs no module; who needs it fails with its own sentence.
		part_need module "the kernel module facetsim" || MODULE_FAILED=1
	else
		say "module: simlab/module has no Makefile, so machines have no GPUs"
	fi
	exec {build_lock}>&-
}
