# sentence: A power cut loses what was not flushed to disk and keeps what was.
# run: long
# gpus: none
# needs: powercut

kept=/var/lib/lab-kept lost=/var/lib/lab-lost
case $PHASE in
1)
	echo kept > "$kept"
	sync "$kept" /var/lib
	boot=$(cat /proc/sys/kernel/random/boot_id)
	fact first_boot "$boot"
	echo lost > "$lost"
	ok "the power is about to go"
	power_cut
	;;
2)
	equal "the flushed file is there" "$(cat "$kept" 2> /dev/null)" kept
	refute "the other one is not" grep -q lost "$lost"
	refute "this is another boot" grep -q "$(cat /proc/sys/kernel/random/boot_id)" "$RESULT/facts"
	;;
esac
