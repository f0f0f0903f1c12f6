# sentence: A guest gets a whole PCI device, alone in its IOMMU group, and gives it back.
# run: long
# gpus: none
# needs: iommu

# The stand-in for a GPU: QEMU's bochs-display, class "display", below its own root port.
for dir in /sys/bus/pci/devices/*; do
	[ "$(cat "$dir/vendor") $(cat "$dir/device")" = "0x1234 0x1111" ] && device=$(basename "$dir")
done
[ -n "${device:-}" ] || die "the stand-in is not on the bus"
fact device "$device"
group=$(readlink -f "$(pci_dir "$device")/iommu_group") || die "no IOMMU group"
equal "it is alone in its group" "$(ls "$group/devices")" "$device"
check "it can be reset" grep -qE 'bus|flr' "$(pci_dir "$device")/reset_method"

define_vm whole 32 "$(hostdev_pci "$device" yes)" || die "libvirt refuses the domain"
check "the guest starts" timed start_s v start whole
equal "vfio-pci has it" "$(basename "$(readlink "$(pci_dir "$device")/driver")")" vfio-pci
check "its bus shows the device" wait_for 30 "serial_has whole 'NANO pci 00:0[0-9a-f].0 1234:1111'"
stop_vm whole
v undefine whole
check "vfio-pci lets go" wait_for 10 \
	"[ \"\$(basename \"\$(readlink '$(pci_dir "$device")/driver')\")\" != vfio-pci ]"
