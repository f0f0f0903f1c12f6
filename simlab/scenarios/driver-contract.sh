# sentence: The drivers keep on the kernel module the contract that they keep on the simulated host.
# gpus: L40S@0000:41:00.0/vendor-vfio,T4@0001:00:10.0/mdev,A100@0002:01:00.0/mdev-vf

for pair in vendor-vfio=0000:41:00.0 mdev-vf=0002:01:00.0 mdev=0001:00:10.0; do
	framework=${pair%%=*} pf=${pair#*=}
	[ "$framework" = mdev ] || enable_vfs "$pf"
	check "$framework keeps the contract" /facet/tests/contract/facet-driver-contract --framework "$framework" --pf "$pf"
done
equal "and leaves nothing behind" "$(vgpus)" ""
