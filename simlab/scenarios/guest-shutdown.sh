# sentence: A guest that shuts itself down gives its vGPU back.
# gpus: L40S@0000:41:00.0/vendor-vfio

facet_up
group ai 'board contains "L40S"' 1
define_vm brief 32 "" off=60 || die "libvirt refuses the domain"
check "attach" attach brief ai "NVIDIA L40S-8Q"
check "start" facet vm start brief
check "the guest sees its vGPU" wait_for 40 "guest_has_vgpu brief 26b9 1"
check "the guest ends by itself" wait_for 60 "! vm_running brief"
nothing_left
equal "Facet wants it stopped" "$(vm_field brief wanted)" stopped
check "it is not started again" test "$(sleep 6; vm_state brief)" = "shut off"
check "it can be started again" facet vm start brief
check "and stopped" facet vm stop brief --force
nothing_left
