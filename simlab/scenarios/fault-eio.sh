# sentence: A function whose driver answers EIO is put aside, the next one serves, and doctor names it.
# gpus: L40S@0000:41:00.0/vendor-vfio

facet_up
group ai 'board contains "L40S"' 1
bad=$(vf_list 0000:41:00.0 | head -n 1)
echo "$bad" > /sys/module/facetsim/parameters/eio_vf
define_vm web01 || die "libvirt refuses the domain"
check "attach" attach web01 ai "NVIDIA L40S-8Q"
check "start, though the first function fails" facet vm start web01
refute "it runs on another function" [ "$(lease_of web01 vf)" = "$bad" ]
equal "the bad one is quarantined" "$(leases_in quarantined)" 1
facet doctor > /tmp/doctor || true
check "doctor names it" grep -q "$bad" /tmp/doctor
check "the guest has its vGPU" wait_for 40 "guest_has_vgpu web01 26b9 1"
check "stop" facet vm stop web01
echo > /sys/module/facetsim/parameters/eio_vf
check "once mended it is released by hand" facet lease release "$(facet lease list -o json | jq -r '.items[0].id')"
nothing_left

echo 1 > /sys/module/facetsim/parameters/eio_once
check "a single EIO costs no start" facet vm start web01
check "stop again" facet vm stop web01 --force
equal "and one function" "$(leases_in quarantined)" 1
check "which comes back" facet lease release "$(facet lease list -o json | jq -r '.items[0].id')"
nothing_left
