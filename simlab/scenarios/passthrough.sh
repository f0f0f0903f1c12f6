# sentence: A whole GPU is bound away from the host, given to a VM, and given back.
# gpus: none
# needs: iommu

# The stand-in for a GPU is QEMU's bochs-display, behind an emulated IOMMU in a group of its own; the
# agent is told to take it for one by host.passthrough_any_class, which is for this alone.
for dir in /sys/bus/pci/devices/*; do
	[ "$(cat "$dir/vendor") $(cat "$dir/device")" = "0x1234 0x1111" ] && device=$(basename "$dir")
done
[ -n "${device:-}" ] || die "the stand-in is not on the bus"
driver_of() { basename "$(readlink "$(pci_dir "$device")/driver" 2> /dev/null || echo none)"; }
before=$(driver_of)

modprobe vfio-pci
facet_up
check "the GPU is in the inventory" wait_for 20 "facet gpu list -o json | jq -e '.items[] | select(.address == \"$device\" and .framework == \"passthrough\")'"
group whole "address eq \"$device\"" 1 --mode passthrough
define_vm one && define_vm two || die "libvirt refuses the domains"
check "attach" attach one whole whole
check "attach another VM" attach two whole whole
check "start" facet vm start one
equal "vfio-pci has it" "$(driver_of)" vfio-pci
equal "the lease is attached" "$(leases_in attached)" 1
check "the guest's bus shows the device" wait_for 40 "serial_has one 'NANO pci 00:0[0-9a-f].0 1234:1111'"
facet vm start two > /tmp/refused 2>&1
equal "a second VM is refused" $? 7
check "stop" facet vm stop one
check "the ledger is empty" wait_for 40 '[ "$(leases)" = 0 ]'
equal "it is back with its driver" "$(driver_of)" "$before"
equal "no override is left" "$(cat "$(pci_dir "$device")/driver_override")" "(null)"
check "the second VM gets it now" facet vm start two
check "and gives it back" facet vm stop two --force
check "the ledger is empty again" wait_for 40 '[ "$(leases)" = 0 ]'
equal "with its driver" "$(driver_of)" "$before"
