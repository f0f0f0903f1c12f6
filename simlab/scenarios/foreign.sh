# sentence: vGPUs and VMs made by hand are shown, counted, never touched, and adopted on request.
# gpus: L40S@0000:41:00.0/vendor-vfio,T4@0001:00:10.0/mdev
# weight: 90

pf=0000:41:00.0
enable_vfs $pf
vf=$(vf_list $pf | head -n 1)
id=$(creatable "$vf" | awk -F ' *: ' '/L40S-8Q$/ { print $1 }')
vgpu_set "$vf" "$id"
uuid=11111111-2222-4333-8444-555555555555
t4type=$(grep -l '^GRID T4-2Q' /sys/bus/pci/devices/0001:00:10.0/mdev_supported_types/*/name | head -n 1 | xargs dirname)
echo $uuid > "$t4type/create"
define_vm byhand 32 "$(hostdev_pci "$vf")" && v start byhand || die "the domain by hand"

facet_up
group ai 'board contains "L40S"' 2
group desk 'board contains "T4"' 2
check "the vGPU by hand is shown as foreign" wait_for 20 \
	"[ \"\$(facet gpu show '$HOST@$pf' -o json | jq -r '.vgpus[0].owner')\" = foreign ]"
check "the domain by hand is seen" wait_for 20 \
	"curl -s --unix-socket $FACET_SOCKET http://x/v1/domains | jq -e '.items[] | select(.name == \"byhand\" and .foreign)'"
define_vm web01
check "attach" attach web01 ai "NVIDIA L40S-8Q"
check "start beside it" facet vm start web01
refute "on another function" [ "$(lease_of web01 vf)" = "$vf" ]
define_vm big
check "attach the other size" attach big ai "NVIDIA L40S-24Q"
facet vm start big > /tmp/refused 2>&1
equal "the foreign one counts: wrong size class" $? 7
define_vm desk01
check "attach on the T4" attach desk01 desk "GRID T4-2Q"
check "start on the T4" facet vm start desk01
for vm in web01 desk01; do check "stop $vm" facet vm stop $vm --force; done
check "Facet's own are gone" wait_for 30 '[ "$(leases)" = 0 ]'
equal "the foreign vGPU is as it was" "$(vgpu_type "$vf")" "$id"
equal "the foreign mdev is as it was" "$(mdevs)" $uuid
check "the domain by hand runs" vm_running byhand
stop_agent
agent_up
sleep 6
equal "a new agent leaves them too" "$(vgpu_type "$vf") $(mdevs)" "$id $uuid"

check "adopt" facet vm adopt byhand --group ai
check "it has a lease" wait_for 30 '[ "$(leases_in attached)" = 1 ]'
equal "on the very function" "$(lease_of byhand vf)" "$vf"
check "and it runs on" vm_running byhand
check "stop it through Facet" facet vm stop byhand
check "its lease is gone" wait_for 40 '[ "$(leases)" = 0 ]'
equal "and so is its vGPU" "$(vgpu_type "$vf")" 0
equal "the mdev that nobody adopted is still there" "$(mdevs)" $uuid
mdev_remove $uuid
