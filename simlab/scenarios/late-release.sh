# sentence: A release that arrives after the function has a new owner changes nothing.
# gpus: L40S@0000:41:00.0/vendor-vfio
# weight: 120

# The late message is made as it comes about: the agent is cut off while a release is wanted, and
# later hears of that old state again, from a copy of the store that was taken then.
facet_up
group ai 'board contains "L40S"' 1
define_vm old && define_vm new || die "libvirt refuses the domains"
check "attach the old owner" attach old ai "NVIDIA L40S-8Q"
check "attach the new owner" attach new ai "NVIDIA L40S-8Q"
check "the old owner starts" facet vm start old
vf=$(lease_of old vf)
stop_agent
v destroy old > /dev/null
stop_facetd
mkdir -p /tmp/then
facetd_up
facet vm stop old --force --no-wait > /dev/null
stop_facetd
cp /var/lib/facet/facet.db* /tmp/then/
facetd_up
agent_up
check "the release is carried out" wait_for 40 '[ "$(leases)" = 0 ]'
check "the new owner starts" facet vm start new
equal "on the same function" "$(lease_of new vf)" "$vf"
type=$(vgpu_type "$vf")
stop_facetd
stop_agent
v destroy new > /dev/null # nobody holds it open now: only owner and generation protect it
mkdir -p /tmp/now
mv /var/lib/facet/facet.db* /tmp/now/
cp /tmp/then/* /var/lib/facet/
facetd_up
agent_up
sleep 12
equal "the old release has changed nothing" "$(vgpu_type "$vf")" "$type"
check "and was refused for its generation" grep -q 'generation' "$LAB_LOG/facet-agent.log"
stop_facetd
stop_agent
rm -f /var/lib/facet/facet.db*
cp /tmp/now/* /var/lib/facet/
facetd_up
agent_up
check "the true state releases it" wait_for 40 '[ "$(leases)" = 0 ]'
nothing_left
