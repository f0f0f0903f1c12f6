# sentence: A guest gets a vGPU of an SR-IOV GPU whose type was written to its VF by hand.
# run: long
# gpus: A40@0000:41:00.0/vendor-vfio

gpu=0000:41:00.0
timed enable_vfs_s enable_vfs "$gpu"
mapfile -t vfs < <(vf_list "$gpu")
fact vfs "${#vfs[@]}"
vf=${vfs[0]}
check "the VF offers the type" grep -q '^ *562 *: *NVIDIA A40-8Q' \
	"$(pci_dir "$vf")/nvidia/creatable_vgpu_types"
vgpu_set "$vf" 562
equal "the type reads back" "$(vgpu_type "$vf")" 562
equal "no other vGPU exists" "$(vgpus)" "$vf 562"

define_vm desk 32 "$(hostdev_pci "$vf")" || die "libvirt refuses the domain"
check "the guest starts with the vGPU" timed start_s v start desk
check "its driver reads the type" wait_for 30 \
	"serial_has desk 'NANO vgpu 00:0[0-9a-f].0 type=562 placement=[0-9]+ counter=0 fb=8192'"
check "its bus shows NVIDIA's ids" \
	serial_has desk 'NANO pci 00:0[0-9a-f].0 10de:2235 subsys 10de:14dc'
check "the vGPU counts with the guest" wait_for 10 \
	"serial_has desk 'NANO tick 40 00:0[0-9a-f].0=40'"
refute "a vGPU in use can not be cleared" vgpu_set "$vf" 0
equal "and keeps its type" "$(vgpu_type "$vf")" 562

timed stop_s stop_vm desk
v undefine desk
check "it can be cleared after the stop" wait_for 10 "vgpu_set '$vf' 0"
equal "nothing is left" "$(vgpus)" ""
