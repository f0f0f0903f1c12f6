# sentence: A running guest moves to another host, its vGPU keeps its state on a different VF there.
# run: long
# gpus: A40@0000:41:00.0/vendor-vfio
# weight: 60
# nodes: 2

gpu=0000:41:00.0 here=0000:41:00.4 there=0000:41:00.5
for node in a b; do
	on_node "$node" enable_vfs "$gpu" > /dev/null || die "no VFs on node $node"
done
vgpu_set "$here" 562
VM_MIGRATABLE=1 define_vm walker 32 "$(hostdev_pci "$here")"
v start walker
check "the vGPU counts here" wait_for 30 "serial_has walker 'NANO tick 20 00:0[0-9a-f].0=20'"

on_node b "vgpu_set $there 562; install -m 644 $GUEST $LAB_RUN/guest
	install -m 666 /dev/null $(serial_file walker)"
# libvirt wants both descriptions with the address that the vGPU has over there.
to_vf_1() {
	sed "/<hostdev/,/<\/hostdev>/s/slot='0x00' function='0x4'/slot='0x00' function='0x5'/"
}
v dumpxml --migratable walker | to_vf_1 > "$LAB_RUN/live.xml"
v dumpxml --migratable --inactive walker | to_vf_1 > "$LAB_RUN/stored.xml"
before=$(guest_ticks walker)
migrate() {
	timeout 90 virsh -q migrate --live --p2p --persistent --undefinesource \
		--xml "$LAB_RUN/live.xml" --persistent-xml "$LAB_RUN/stored.xml" walker qemu+tcp://node-b/system &
	# With the default of 300 ms a pre-copy over a slow wire might never end.
	sleep 2
	v migrate-setmaxdowntime walker 20000 2> /dev/null
	wait $!
}
check "it moves" timed migrate_s migrate
check "it counts on there" on_node b "wait_for 20 'serial_has walker NANO.tick'"
after=$(on_node b guest_ticks walker)
check "from where it was ($before, then $after)" [ "${after:-0}" -gt "$before" ]
refute "the vGPU forgot nothing" on_node b "serial_has walker 'NANO lost'"
check "its counter went on with the guest's" on_node b \
	"grep -aoE 'NANO tick [0-9]+ .*' $(serial_file walker) | tail -n 1 |
	awk '{ split(\$4, p, \"=\"); exit p[2] != \$3 }'"
check "the vGPU here can be cleared" wait_for 10 "vgpu_set '$here' 0"
on_node b "stop_vm walker; v undefine walker; wait_for 10 'vgpu_set $there 0'"
equal "nothing is left here" "$(vgpus)" ""
equal "nor there" "$(on_node b vgpus)" ""
