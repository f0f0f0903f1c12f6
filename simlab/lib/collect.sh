#!/bin/bash
# collect.sh - copy this machine's logs to the folder it shares with the real one.
to=/lab/out/logs-$(hostname)
rm -rf "$to"
mkdir -p "$to"
cp -r /var/log/lab "$to/" 2> /dev/null
cp -r /var/log/libvirt "$to/" 2> /dev/null
dmesg > "$to/dmesg"
ps axf -o pid,ppid,stat,etime,args > "$to/processes"
for name in $(virsh -q list --all --name); do
	virsh dumpxml "$name" > "$to/$name.xml" 2>&1
done
cp -r /var/lib/facet "$to/var-lib-facet" 2> /dev/null
exit 0
