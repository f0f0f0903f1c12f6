# sentence: The 33rd vGPU of a GPU that holds 32 is refused with a reason, and nothing has changed.
# gpus: L40S@0000:41:00.0/vendor-vfio
# weight: 80

# QEMU migrates several VFIO devices only when all can do it peer to peer; the simulated ones can not.
facet_up --set host.migration=no
group ai 'board contains "L40S"' 1
for vm in full01 full02; do
	define_vm $vm || die "libvirt refuses the domain"
	check "$vm asks for sixteen" attach $vm ai "NVIDIA L40S-1Q" --count 16
	check "$vm starts with sixteen" facet vm start $vm
done
equal "32 leases" "$(leases_in attached)" 32
check "ledger and kernel agree on 32" ledger_is_kernel
check "the second guest sees sixteen" wait_for 60 "guest_has_vgpu full02 26b9 16"

define_vm late
check "one more asks" attach late ai "NVIDIA L40S-1Q"
before=$(facet lease list -o json | jq -S .items)
facet vm start late > /tmp/refused 2>&1
equal "it is refused as no capacity" $? 7
check "with a reason for the GPU" grep -q '0000:41:00.0' /tmp/refused
fact refusal "$(grep -a '0000:41:00.0' /tmp/refused | tr -s ' ' | head -n 1)"
equal "no lease has changed" "$(facet lease list -o json | jq -S .items)" "$before"
equal "the VM is not wanted up" "$(vm_field late wanted)" stopped
define_vm other
check "another size asks" attach other ai "NVIDIA L40S-2Q"
facet vm start other > /tmp/refused 2>&1
equal "it is refused too" $? 7
for vm in full01 full02; do check "$vm stops" facet vm stop $vm --force; done
nothing_left 90
check "now the late one fits" facet vm start late
check "and stops" facet vm stop late --force
nothing_left
