# sentence: A function wedged by a killed QEMU is quarantined, the next one serves, and doctor names it.
# gpus: L40S@0000:41:00.0/vendor-vfio
# weight: 80

facet_up
group ai 'board contains "L40S"' 1
echo 1 > /sys/module/facetsim/parameters/wedge_on_kill
define_vm web01 || die "libvirt refuses the domain"
check "attach" attach web01 ai "NVIDIA L40S-8Q"
check "start" facet vm start web01
check "the guest has its vGPU" wait_for 40 "guest_has_vgpu web01 26b9 1"
bad=$(lease_of web01 vf)
kill -KILL "$(cat /run/libvirt/qemu/web01.pid)"
check "the wedged slice is quarantined" wait_for 60 '[ "$(leases_in quarantined)" = 1 ]'
echo 0 > /sys/module/facetsim/parameters/wedge_on_kill
facet doctor > /tmp/doctor || true
check "doctor names it" grep -q "$bad" /tmp/doctor
check "the VM starts again" facet vm start web01
refute "on another function" [ "$(lease_of web01 vf)" = "$bad" ]
check "stop" facet vm stop web01 --force
equal "the wedged one is still put aside" "$(leases_in quarantined)" 1
/usr/lib/nvidia/sriov-manage -d 0000:41:00.0
/usr/lib/nvidia/sriov-manage -e 0000:41:00.0
check "after the remedy it is released" facet lease release "$(facet lease list -o json | jq -r '.items[0].id')"
nothing_left
