# sentence: A guest gets a vGPU that was made as a mediated device, on a GPU and on a GPU's VF.
# run: long
# gpus: T4@0001:00:10.0/mdev,A100@0002:01:00.0/mdev-vf

# Makes TYPE on PARENT, starts a guest with it, expects what REGEX says, and takes all away.
one_guest() { # NAME PARENT TYPE UUID REGEX
	mdev_create "$2" "$3" "$4" || die "$3 can not be made on $2"
	check "$1: the vGPU exists" test -e "/sys/bus/mdev/devices/$4"
	define_vm "$1" 32 "$(hostdev_mdev "$4")" || die "libvirt refuses the domain $1"
	check "$1: the guest starts" timed "$1_start_s" v start "$1"
	check "$1: its driver reads the type" wait_for 30 "serial_has '$1' '$5'"
	check "$1: the vGPU counts" wait_for 10 "serial_has '$1' 'NANO tick 20 00:0[0-9a-f].0=20'"
	stop_vm "$1"
	v undefine "$1"
	mdev_remove "$4"
	equal "$1: nothing is left" "$(vgpus)" ""
}

type_named() { # PARENT NAME
	local dir
	for dir in "$(pci_dir "$1")"/mdev_supported_types/*; do
		[ "$(cat "$dir/name")" = "$2" ] && basename "$dir"
	done
}

one_guest pf 0001:00:10.0 "$(type_named 0001:00:10.0 'GRID T4-8Q')" \
	11111111-0000-4000-8000-000000000001 'NANO vgpu 00:0[0-9a-f].0 type=233 .*fb=8192'

enable_vfs 0002:01:00.0
vf=$(vf_list 0002:01:00.0 | head -n 1)
type=$(type_named "$vf" 'GRID A100D-10C')
[ -n "$type" ] || die "the VF $vf has no type GRID A100D-10C"
one_guest vf "$vf" "$type" 11111111-0000-4000-8000-000000000002 \
	"NANO vgpu 00:0[0-9a-f].0 type=${type#nvidia-} .*fb=10240"
