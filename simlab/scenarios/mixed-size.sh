# sentence: A group of mixed-size GPUs puts vGPUs of three sizes side by side at NVIDIA's placement ids.
# gpus: L40S@0000:41:00.0/vendor-vfio

facet_up
group mixed 'board contains "L40S"' 1 --mode mixed-size
for vm in a b c; do define_vm $vm || die "libvirt refuses $vm"; done
check "attach 24" attach a mixed "NVIDIA L40S-24Q"
check "attach 8" attach b mixed "NVIDIA L40S-8Q"
check "attach 4" attach c mixed "NVIDIA L40S-4Q"
for vm in a b c; do check "start $vm" facet vm start $vm; done
equal "three on one GPU" "$(leases_in attached)" 3
equal "the driver says the same placements" \
	"$(for vm in a b c; do cat "$(pci_dir "$(lease_of $vm vf)")/nvidia/placement_id"; done | tr '\n' ' ')" \
	"$(for vm in a b c; do lease_of $vm placement; done | tr '\n' ' ')"
check "ledger and kernel agree" ledger_is_kernel
for vm in a b c; do check "stop $vm" facet vm stop $vm --force; done
nothing_left
