# sentence: GPUs on PCI domain 0001 and at 0000:41:00.0 are told apart, each VM gets the one it asked for.
# gpus: A40@0000:41:00.0/vendor-vfio,L40S@0001:02:00.0/vendor-vfio

facet_up
group far 'address prefix "0001:"' 1
group near 'address eq "0000:41:00.0"' 2
define_vm far01 && define_vm near01 || die "libvirt refuses the domains"
check "attach far" attach far01 far "NVIDIA L40S-16Q"
check "attach near" attach near01 near "NVIDIA A40-16Q"
check "start far" facet vm start far01
check "start near" facet vm start near01
equal "far is on domain 0001" "$(lease_of far01 vf | cut -d : -f 1)" 0001
equal "near is on domain 0000" "$(lease_of near01 vf | cut -d : -f 1,2)" 0000:41
check "ledger and kernel agree" ledger_is_kernel
check "far sees an L40S" wait_for 40 "guest_has_vgpu far01 26b9 1"
check "near sees an A40" wait_for 40 "guest_has_vgpu near01 2235 1"
check "stop far" facet vm stop far01
equal "near was not touched" "$(leases_in attached)" 1
check "stop near" facet vm stop near01
nothing_left
