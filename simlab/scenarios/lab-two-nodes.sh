# sentence: Two machines reach each other, and libvirt moves a running guest between them.
# run: long
# gpus: none
# weight: 40
# nodes: 2

other=$(on_node b hostname)
equal "node b answers by name" "$other" node-b
define_vm walker
v start walker
check "the guest counts here" wait_for 30 "serial_has walker 'NANO tick 20'"
on_node b "install -m 644 $GUEST $LAB_RUN/guest; install -m 666 /dev/null $(serial_file walker)"
before=$(guest_ticks walker)
check "it moves" timed migrate_s timeout 60 virsh -q migrate --live --p2p --persistent \
	--undefinesource walker qemu+tcp://node-b/system
check "it counts on there" on_node b "wait_for 20 'serial_has walker NANO.tick'"
after=$(on_node b guest_ticks walker)
check "from where it was ($before, then $after)" [ "${after:-0}" -gt "$before" ]
refute "it is gone here" v dominfo walker
check "it stops there" on_node b "stop_vm walker && v undefine walker"
