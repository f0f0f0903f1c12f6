# sentence: The plug is pulled with four VMs running: VFs, types and the VMs that should run come back.
# gpus: L40S@0000:41:00.0/vendor-vfio,T4@0001:00:10.0/mdev,A100@0002:01:00.0/mdev-vf
# weight: 90
# needs: powercut

case $PHASE in
1)
	facet_up
	group pool '' 3
	for vm in one two three four five; do define_vm $vm || die "libvirt refuses $vm"; done
	check "attach one" attach one pool "NVIDIA L40S-8Q"
	check "attach two" attach two pool "NVIDIA L40S-8Q"
	check "attach three" attach three pool "GRID T4-4Q"
	check "attach four" attach four pool "$(facet profile list -o json | jq -r '[.items[] | select(.gpus > 0 and (.mig | not) and .series == "C" and .fb_mib == 10240)][0].name')"
	check "attach five" attach five pool "NVIDIA L40S-8Q"
	for vm in one two three four five; do check "start $vm" facet vm start $vm; done
	check "stop five" facet vm stop five
	equal "four run with vGPUs" "$(leases_in attached)" 4
	facet lease list -o json | jq -S '[.items[] | {id, vm, vf, mdev_uuid, profile, generation}]' > "$LAB_OUT/before"
	power_cut
	;;
2)
	check "no vGPU has survived in the kernel" [ -z "$(vgpus)" ]
	check "no VM runs" [ -z "$(v list --name)" ]
	install -m 644 "$GUEST" "$LAB_RUN/guest" # the guest's kernel lay in memory
	facet_up
	check "all four run again" wait_for 120 '[ "$(v list --name | grep -c .)" = 4 ]'
	check "with their leases attached" wait_for 90 '[ "$(leases_in attached)" = 4 ]'
	facet lease list -o json | jq -S '[.items[] | {id, vm, vf, mdev_uuid, profile, generation}]' > "$LAB_OUT/after"
	check "the same leases on the same functions" cmp "$LAB_OUT/before" "$LAB_OUT/after"
	check "ledger and kernel agree" ledger_is_kernel
	refute "the one that was stopped stays off" vm_running five
	for vm in one two three four; do check "stop $vm" facet vm stop $vm --force; done
	nothing_left
	;;
esac
