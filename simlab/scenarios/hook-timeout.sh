# sentence: With the agent down virsh start of a Facet VM is refused with a sentence; other VMs start.
# gpus: L40S@0000:41:00.0/vendor-vfio
# weight: 60

facet_up
group ai 'board contains "L40S"' 1 --hold 600
define_vm web01 && define_vm plain || die "libvirt refuses the domains"
check "attach" attach web01 ai "NVIDIA L40S-8Q"
check "start" facet vm start web01
check "stop" facet vm stop web01 --force
stop_agent
v start web01 > /tmp/refused 2>&1
check "the Facet VM is refused" [ $? != 0 ]
check "with a sentence that names the agent" grep -q 'facet-agent' /tmp/refused
fact sentence "$(tr -d '\n' < /tmp/refused | cut -c 1-200)"
check "another VM starts" v start plain
check "and stops" v destroy plain
agent_up
wait_for 30 host_ready
check "with the agent back it starts" wait_for 20 'v start web01 2> /dev/null'
check "and stops" v destroy web01
wait_for 20 '[ "$(leases_in ready)" = 1 ]'
check "the hold is ended" facet vm stop web01
nothing_left
