# sentence: One VM gets two vGPUs of one device and a third of another, each on a function of its own.
# gpus: L40S@0000:41:00.0/vendor-vfio,L40S@0001:02:00.0/vendor-vfio

# QEMU migrates several VFIO devices only when all can do it peer to peer; the simulated ones can not.
facet_up --set host.migration=no
group ai 'board contains "L40S"' 2
define_vm twin || die "libvirt refuses the domain"
check "attach two" attach twin ai "NVIDIA L40S-12Q" --count 2 --device pair
check "attach a third" attach twin ai "NVIDIA L40S-12Q" --device third
check "start" facet vm start twin
equal "three leases" "$(leases_in attached)" 3
equal "on three functions" "$(facet lease list -o json | jq -r '.items[].vf' | sort -u | wc -l)" 3
check "ledger and kernel agree" ledger_is_kernel
check "the guest sees three" wait_for 40 "guest_has_vgpu twin 26b9 3"
check "stop" facet vm stop twin
nothing_left
