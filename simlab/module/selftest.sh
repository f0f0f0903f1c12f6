#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# selftest.sh [MODULE.ko] - what the simulated GPUs must do, as TAP on stdout.
#
# Runs as root on a Debian 13 machine with facetsim loaded; with MODULE.ko it loads it itself and
# unloads it at the end.  Wants only a POSIX shell and sriov-manage (beside lab/image, in
# /usr/lib/nvidia, or $SRIOV_MANAGE).  Leaves no vGPU behind.  Exit 1 when a test failed.
gpus="A40@0000:41:00.0/vendor-vfio,T4@0001:00:10.0/mdev,A100@0002:01:00.0/mdev-vf"
gpus="$gpus,L40S@0001:02:00.0/vendor-vfio,L4@0002:02:00.0/vendor-vfio,A2@0003:00:00.0/mdev-vf"
gpus="$gpus,A10@0000:81:00.0/vendor-vfio,T4@0001:00:11.0/mdev"
here=$(cd "$(dirname "$0")" && pwd)
for manage in "$SRIOV_MANAGE" "$here/../image/sriov-manage" /usr/lib/nvidia/sriov-manage; do
	[ -x "$manage" ] && break
done
dev=/sys/bus/pci/devices
knobs=/sys/module/facetsim/parameters
n=0 failed=0

ok() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=$((failed + 1))
	fi
}

is() { # GOT WANTED NAME
	[ "$1" = "$2" ]
	ok $? "$3"
	[ "$1" = "$2" ] || printf '#      got: %s\n#   wanted: %s\n' "$1" "$2"
}

# Writes TEXT to FILE and prints what became of it: "ok" or the words of the error.  By cat, since
# a shell's own printf may keep the errno to itself.
put() {
	if out=$( (printf '%s' "$1" | cat > "$2") 2>&1); then echo ok; else echo "${out##*: }"; fi
}

get() {
	if out=$(cat "$1" 2>&1); then echo "$out"; else echo "${out##*: }"; fi
}

knob() { echo "$2" > "$knobs/$1"; }
creatable() { cat "$1/nvidia/creatable_vgpu_types"; }
count() { wc -l | tr -d ' '; }
log_has() { dmesg | tail -n 20 | grep -q "$1"; }

if [ $# -gt 0 ]; then
	insmod "$1" "gpus=$gpus" || { echo "Bail out! $1 can not be loaded"; exit 1; }
fi
pf=$dev/0000:41:00.0
vf() { echo "$dev/0000:41:$(printf '%02x.%x' $((($1 + 4) / 8)) $((($1 + 4) % 8)))"; }
[ -e "$pf" ] || { echo "Bail out! load facetsim with gpus=$gpus"; exit 1; }

# --- PCI ---------------------------------------------------------------------------------------
is "$(cat $pf/vendor $pf/device $pf/class $pf/subsystem_device | tr '\n' ' ')" \
	"0x10de 0x2235 0x030200 0x145a " "the PF has the ids of an A40"
is "$(basename "$(readlink $pf/driver)")" nvidia "the PF is bound to the driver nvidia"
is "$(cat $pf/sriov_totalvfs)" 32 "an A40 has 32 VFs"
[ ! -e $pf/nvidia ]; ok $? "a PF has no folder nvidia/"
[ ! -e "$(vf 0)" ]; ok $? "no VF before they are enabled"
is "$(put 4 $pf/sriov_numvfs)" "Operation not permitted" "a raw write of sriov_numvfs is refused"
[ ! -e $dev/0001:00:10.0/sriov_totalvfs ]; ok $? "a T4 has no SR-IOV"
grep -q 580 /proc/driver/nvidia/version; ok $? "the driver has a version"
grep -q "NVIDIA A40" /proc/driver/nvidia/gpus/0000:41:00.0/information; ok $? "and names the GPU"

# --- sriov-manage ------------------------------------------------------------------------------
knob lock_held 1
out=$("$manage" -e 0000:41:00.0 2>&1)
ok $((! $?)) "sriov-manage fails while a monitor holds the unbind lock"
case $out in *"Cannot obtain unbindLock"*) r=0 ;; *) r=1 ;; esac
ok $r "and says so"
"$manage" -e 0000:41:00.0 > /dev/null; ok $? "the next attempt succeeds"
is "$(cat $pf/sriov_numvfs)" 32 "all VFs are there when it returns"
is "$(ls -d $pf/virtfn* | count)" 32 "with virtfn links"
is "$(basename "$(readlink $pf/virtfn31)")" 0000:41:04.3 "the last VF is 04.3"
is "$(basename "$(readlink "$(vf 0)/driver")")" nvidia "VFs are bound to nvidia"
is "$(cat "$(vf 0)/vendor" "$(vf 0)/device" "$(vf 0)/subsystem_device" | tr '\n' ' ')" \
	"0x10de 0x2235 0x0000 " "a VF has the PF's ids and no subsystem"
ls "$(vf 0)/vfio-dev" | grep -q vfio; ok $? "a VF is a VFIO device"
is "$(cat "$(vf 0)/reset_method")" flr "a VF resets by FLR"

# --- vendor-specific framework -------------------------------------------------------------------
v=$(vf 0)
is "$(ls "$v/nvidia" | tr '\n' ' ')" "creatable_vgpu_types current_vgpu_type gpu_instance_id \
placement_id vgpu_params warm_update " "nvidia/ has NVIDIA's files"
is "$(creatable "$v" | head -n 2 | tr '\n' '|')" "ID    : vGPU Name|555   : NVIDIA A40-1B|" \
	"the list has NVIDIA's header and columns"
is "$(creatable "$v" | count)" 31 "an empty A40 offers its 30 types"
is "$(cat "$v/nvidia/current_vgpu_type")" 0 "there is no vGPU yet"
is "$(get "$v/nvidia/placement_id")" "No such device or address" "placement_id is ENXIO before one"
is "$(get "$v/nvidia/gpu_instance_id")" "No such device or address" "gpu_instance_id too"
is "$(put 561 "$v/nvidia/current_vgpu_type")" ok "A40-6Q is created"
is "$(cat "$v/nvidia/current_vgpu_type")" 561 "and reads back"
is "$(creatable "$v")" "ID    : vGPU Name" "a VF in use offers nothing but the header"
is "$(creatable "$(vf 1)" | tail -n +2 | cut -c1-6 | tr -d '\n ')" 561571582 \
	"siblings offer only the same size, of any series"
is "$(put 558 "$(vf 1)/nvidia/current_vgpu_type")" "Input/output error" "another size is EIO"
log_has "NVRM: Failed to add vgpu create request: 0x56"; ok $? "with a line in the log"
is "$(put 561 "$v/nvidia/current_vgpu_type")" "Input/output error" "a second vGPU on a VF is EIO"
is "$(put 4242 "$(vf 1)/nvidia/current_vgpu_type")" "Input/output error" "an unknown type is EIO"
is "$(put abc "$(vf 1)/nvidia/current_vgpu_type")" "Invalid argument" "no number is EINVAL"
i=1
while [ $i -lt 8 ]; do
	put $([ $((i % 2)) = 1 ] && echo 571 || echo 582) "$(vf $i)/nvidia/current_vgpu_type"
	i=$((i + 1))
done | sort | uniq -c | grep -q "7 ok"
ok $? "seven more of this size fit"
is "$(creatable "$(vf 8)")" "ID    : vGPU Name" "then the GPU offers nothing"
is "$(put 561 "$(vf 8)/nvidia/current_vgpu_type")" "Input/output error" "and a ninth is EIO"
is "$(put 0 "$(vf 3)/nvidia/current_vgpu_type")" ok "one is destroyed"
is "$(creatable "$(vf 8)" | count)" 4 "and its place is offered again"
is "$(cat "$v/nvidia/placement_id")" 65535 "Ampere has no placement ids in equal-size mode"
is "$(put frame_rate_limiter=0,disable_vnc=1 "$v/nvidia/vgpu_params")" ok "parameters are taken"
is "$(cat "$v/nvidia/vgpu_params")" frame_rate_limiter=0,disable_vnc=1 "and read back"
is "$(put nonsense "$v/nvidia/vgpu_params")" "Invalid argument" "what is not name=value is not"
is "$(put ' ' "$v/nvidia/vgpu_params"):$(cat "$v/nvidia/vgpu_params")" ok: "a space clears them"
is "$(put 1 $pf/facetsim/heterogeneous)" "Device or resource busy" "no mode change with vGPUs"

# --- faults ------------------------------------------------------------------------------------
knob eio_once 1
is "$(put 561 "$(vf 3)/nvidia/current_vgpu_type")" "Input/output error" \
	"eio_once: the next creation fails"
is "$(put 561 "$(vf 3)/nvidia/current_vgpu_type")" ok "and the one after works"
put 0 "$(vf 3)/nvidia/current_vgpu_type" > /dev/null
knob eio_vf 0000:41:00.7
is "$(put 561 "$(vf 3)/nvidia/current_vgpu_type")" "Input/output error" \
	"eio_vf: that VF always fails"
is "$(put 561 "$(vf 9)/nvidia/current_vgpu_type")" ok "others do not"
knob eio_vf ""
knob release_delay_ms 6000 # a busy machine takes its time between two lines
before=$(cut -d. -f1 /proc/uptime)
put 0 "$(vf 9)/nvidia/current_vgpu_type" > /dev/null &
sleep 0.4
is "$(put 0 "$(vf 9)/nvidia/current_vgpu_type")" "Operation not permitted" \
	"release_delay_ms: a vGPU that is going is held"
is "$(creatable "$(vf 10)")" "ID    : vGPU Name" "and still takes its place"
wait
[ $(($(cut -d. -f1 /proc/uptime) - before)) -ge 1 ]; ok $? "its removal was slow"
knob release_delay_ms 0

# --- losing VFs; sriov-manage again ------------------------------------------------------------
knob lose_vfs 0000:41:00.0
[ ! -e "$v" ]; ok $? "lose_vfs: VFs vanish"
"$manage" -e 0000:41:00.0 > /dev/null; ok $? "sriov-manage brings them back"
is "$(cat "$v/nvidia/current_vgpu_type")" 0 "without vGPUs"
put 561 "$v/nvidia/current_vgpu_type" > /dev/null
"$manage" -e 0000:41:00.0 > /dev/null; ok $? "sriov-manage -e may run twice"
is "$(cat "$v/nvidia/current_vgpu_type")" 0 "and drops vGPUs"

# --- mixed sizes -------------------------------------------------------------------------------
is "$(put 1 $pf/facetsim/heterogeneous)" ok "mixed-size mode is switched on"
is "$(put 565 "$v/nvidia/current_vgpu_type"):$(cat "$v/nvidia/placement_id")" ok:0 \
	"A40-24Q lies at 0"
is "$(put 562 "$(vf 1)/nvidia/current_vgpu_type"):$(cat "$(vf 1)/nvidia/placement_id")" ok:24 \
	"A40-8Q of another size at its next free id"
is "$(put 40 "$(vf 1)/nvidia/placement_id"):$(cat "$(vf 1)/nvidia/placement_id")" ok:40 \
	"it can be moved"
is "$(put 16 "$(vf 1)/nvidia/placement_id")" "Input/output error" "but not onto another"
is "$(put 30 "$(vf 1)/nvidia/placement_id")" "Input/output error" "nor to an id it does not have"
is "$(put vgpu-placement-id=24 "$(vf 1)/nvidia/vgpu_params"):$(cat "$(vf 1)/nvidia/placement_id")" \
	ok:24 "vgpu_params moves it too"
creatable "$(vf 2)" | grep -q A40-16Q; ok $? "A40-16Q still fits at 32"
put 562 "$(vf 2)/nvidia/current_vgpu_type" > /dev/null
creatable "$(vf 3)" | grep -q A40-16Q; ok $((! $?)) "and no more when that is taken"
is "$(cut -d' ' -f1,2,3 $pf/facetsim/vgpus | tr '\n' '|')" \
	"0000:41:00.4 565 0|0000:41:00.5 562 24|0000:41:00.6 562 40|" "facetsim/vgpus shows them"
"$manage" -d 0000:41:00.0 > /dev/null; ok $? "sriov-manage -d"
[ ! -e "$v" ]; ok $? "removes the VFs"
is "$(cat $pf/facetsim/heterogeneous)" 0 "and the mode"
is "$(put 1 $dev/0001:00:10.0/facetsim/heterogeneous)" "Operation not supported" \
	"a T4 has no mixed-size mode"

# --- Ada: ids in equal-size mode -----------------------------------------------------------------
"$manage" -e 0001:02:00.0 > /dev/null; ok $? "VFs of the L40S in domain 1"
v=$dev/0001:02:00.4
creatable "$v" | grep -q '^1152  : NVIDIA L40S-8Q$'; ok $? "NVIDIA L40S-8Q is type 1152"
put 1152 "$v/nvidia/current_vgpu_type" > /dev/null
put 1152 $dev/0001:02:00.5/nvidia/current_vgpu_type > /dev/null
is "$(cat $dev/0001:02:00.5/nvidia/placement_id)" 8 "its second vGPU has placement id 8"
"$manage" -d 0001:02:00.0 > /dev/null

# --- mdev on the PF ------------------------------------------------------------------------------
t=$dev/0001:00:10.0/mdev_supported_types
a=11111111-0000-4000-8000-00000000000
is "$(cat $t/nvidia-231/name)" "GRID T4-2Q" "nvidia-231 is GRID T4-2Q"
is "$(cat $t/nvidia-231/device_api)" vfio-pci "by vfio-pci"
is "$(cat $t/nvidia-231/description)" "num_heads=4, frl_config=60, framebuffer=2048M, \
max_resolution=7680x4320, max_instance=8" "with NVIDIA's description"
is "$(cat $t/nvidia-231/available_instances)" 8 "eight fit"
is "$(put ${a}1 $t/nvidia-231/create)" ok "one is created"
is "$(cat $t/nvidia-231/available_instances)" 7 "seven remain"
is "$(cat $t/nvidia-232/available_instances)" 0 "and none of another size"
is "$(put ${a}2 $t/nvidia-232/create)" "No space left on device" "which is ENOSPC"
m=/sys/bus/mdev/devices/${a}1
is "$(basename "$(readlink $m/driver)")" nvidia-vgpu-vfio "the mdev has NVIDIA's driver"
is "$(ls $m/nvidia | tr '\n' ' ')" "placement_id vgpu_params vm_name " "and folder"
is "$(cat $m/nvidia/placement_id)" "Not Applicable" "its placement id is Not Applicable"
is "$(put 1 $m/remove)" ok "it is removed"
is "$(cat $t/nvidia-231/available_instances)" 8 "eight fit again"

# --- mdev on VFs ---------------------------------------------------------------------------------
[ ! -e $dev/0002:01:00.0/mdev_supported_types ]; ok $? "an SR-IOV PF has no mdev types"
"$manage" -e 0002:01:00.0 > /dev/null
is "$(cat $dev/0002:01:00.0/sriov_numvfs)" 20 "the A100 has 20 VFs"
t=$dev/0002:01:00.4/mdev_supported_types u=$dev/0002:01:00.5/mdev_supported_types
is "$(cat $t/nvidia-693/name):$(cat $t/nvidia-693/available_instances)" "GRID A100D-8C:1" \
	"a VF has one instance"
put ${a}3 $t/nvidia-693/create > /dev/null
is "$(cat $t/nvidia-693/available_instances)$(cat $u/nvidia-693/available_instances)$(
	cat $u/nvidia-694/available_instances)" 010 "none when used; siblings the same size only"
[ ! -e $dev/0002:01:00.4/nvidia ]; ok $? "no nvidia/ on a VF in this framework"
"$manage" -d 0002:01:00.0 > /dev/null; ok $? "sriov-manage -d takes mdevs along"
[ ! -e /sys/bus/mdev/devices/${a}3 ]; ok $? "they are gone"

"$manage" -e ALL > /dev/null; ok $? "sriov-manage -e ALL"
is "$(ls -d $dev/*/physfn | count)" $((32 + 20 + 32 + 24 + 16 + 32)) "makes all VFs of all boards"
"$manage" -d ALL > /dev/null; ok $? "sriov-manage -d ALL"

if [ $# -gt 0 ]; then
	"$manage" -e 0000:41:00.0 > /dev/null
	put 561 $dev/0000:41:00.4/nvidia/current_vgpu_type > /dev/null
	rmmod facetsim; ok $? "the module unloads with VFs and vGPUs in place"
	[ ! -e $pf ]; ok $? "and takes the GPUs along"
	insmod "$1" "gpus=$gpus"; ok $? "it loads again"
	insmod "$1" "gpus=$gpus" 2> /dev/null; ok $((! $?)) "once"
	rmmod facetsim; ok $? "and unloads again"
	insmod "$1" "gpus=A40@0000:41:00.0/mdev" 2> /dev/null
	ok $((! $?)) "an A40 with mdev on the PF is refused"
fi
if dmesg | grep -E "BUG:|WARNING:|Oops|Call Trace|possible recursive|refcount" > /dev/null; then
	ok 1 "the kernel is content"
	dmesg | grep -E -A8 "BUG:|WARNING:|Oops|refcount" | sed 's/^/# /' | head -n 60
else
	ok 0 "the kernel is content"
fi
echo "1..$n"
[ $failed = 0 ]
