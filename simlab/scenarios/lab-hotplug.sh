# sentence: A vGPU is plugged into a running guest and unplugged again, and the guest plays along.
# run: long
# gpus: A40@0000:41:00.0/vendor-vfio

enable_vfs 0000:41:00.0
vf=0000:41:00.4
vgpu_set "$vf" 562
define_vm desk
v start desk
check "the guest runs without a vGPU" wait_for 30 "serial_has desk 'NANO tick 20$'"
hostdev_pci "$vf" > "$LAB_RUN/device.xml"
check "libvirt plugs it in" v attach-device desk "$LAB_RUN/device.xml" --live
check "the guest finds it" wait_for 15 "serial_has desk 'NANO vgpu 00:0[0-9a-f].0 type=562 '"
check "it counts" wait_for 10 "serial_has desk 'NANO tick [0-9]+ 00:0[0-9a-f].0=[0-9]'"
refute "it is in use" vgpu_set "$vf" 0
check "libvirt asks for it back" v detach-device desk "$LAB_RUN/device.xml" --live
check "the guest lets go" wait_for 15 "serial_has desk 'NANO eject'"
check "it can be cleared" wait_for 10 "vgpu_set '$vf' 0 2> /dev/null"
ticks=$(guest_ticks desk)
check "the guest counts on" wait_for 10 "[ \"\$(guest_ticks desk)\" -gt '$ticks' ]"
stop_vm desk
v undefine desk
equal "nothing is left" "$(vgpus)" ""
