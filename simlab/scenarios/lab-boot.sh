# sentence: The lab's machine boots, libvirt starts a guest, and the guest obeys its power button.
# run: long
# gpus: none
# This one needs neither Facet nor the kernel module: when it fails, the lab itself is broken.

define_vm plain 32 "" ""
timed first_start_s v start plain
check "the guest counts" wait_for 30 "serial_has plain 'NANO tick 20'"
check "it sees its PCI bus" serial_has plain 'NANO pci 00:01.3 8086:7113'
check "libvirt says it runs" vm_running plain
timed shutdown_s stop_vm plain
check "it was asked, not killed" serial_has plain 'NANO power button'

timed second_start_s v start plain
check "it starts again" wait_for 30 "[ \$(grep -c 'NANO start' \"\$(serial_file plain)\") = 2 ]"
v destroy plain
v undefine plain
equal "nothing is left" "$(v list --all --name)" ""
