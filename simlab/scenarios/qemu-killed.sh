# sentence: A VM whose QEMU is killed gives its vGPU back.
# gpus: T4@0001:00:10.0/mdev,L40S@0000:41:00.0/vendor-vfio

facet_up
group ai 'board contains "L40S" or board contains "T4"' 2
define_vm one && define_vm two || die "libvirt refuses the domains"
check "attach" attach one ai "NVIDIA L40S-8Q"
check "attach the mdev" attach two ai "GRID T4-4Q"
check "start" facet vm start one
check "start the mdev" facet vm start two
for vm in one two; do
	kill -KILL "$(cat /run/libvirt/qemu/$vm.pid)"
done
nothing_left
equal "one is not wanted up" "$(vm_field one wanted)" stopped
check "the slice serves again" facet vm start one
check "stop" facet vm stop one --force
nothing_left
