# sentence: A VM with a held lease that virsh starts gets its vGPU through the hook, and gives it back.
# gpus: L40S@0000:41:00.0/vendor-vfio,T4@0001:00:10.0/mdev
# weight: 90

facet_up
group ai 'board contains "L40S"' 2 --hold 600
group brief 'board contains "T4"' 2
define_vm web01 && define_vm desk01 || die "libvirt refuses the domains"
check "attach" attach web01 ai "NVIDIA L40S-8Q"
check "start" facet vm start web01
check "stop" facet vm stop web01 --force
equal "the lease is held" "$(leases_in ready)" 1
vf=$(lease_of web01 vf)
check "virsh starts it" v start web01
check "Facet sees it running" wait_for 20 '[ "$(vm_field web01 state)" = running ]'
check "and its lease attached" wait_for 20 '[ "$(leases_in attached)" = 1 ]'
equal "the same one" "$(lease_of web01 vf)" "$vf"
check "the guest has its vGPU" wait_for 40 "guest_has_vgpu web01 26b9 1"
check "virsh stops it" stop_vm web01 40
check "it is held again" wait_for 20 '[ "$(leases_in ready)" = 1 ]'

# The vGPU is lost while the VM is off: the hook has it made again before the VM may start.
vgpu_set "$vf" 0
check "virsh starts it once more" v start web01
check "with its vGPU" wait_for 40 "[ \"\$(vgpu_type '$vf')\" != 0 ]"
check "and stops it" v destroy web01
check "held" wait_for 20 '[ "$(leases_in ready)" = 1 ]'
check "the hold is ended by hand" facet vm stop web01
nothing_left

v start web01 > /tmp/refused 2>&1
check "without a lease virsh is refused" [ $? != 0 ]
check "with the way out" grep -q 'facet vm start web01' /tmp/refused
refute "and it does not run" vm_running web01
check "Facet starts it" facet vm start web01
equal "one lease" "$(leases)" 1
check "and stops it" facet vm stop web01 --force
