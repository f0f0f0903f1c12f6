# sentence: The simulated GPUs behave as NVIDIA's documents say: the kernel module's own tests.
# gpus: none
# weight: 50

tests=/lab/tree/module/selftest.sh
[ -r "$tests" ] || die "lab/module has no selftest.sh"
while read -r word rest; do
	case "$word $rest" in
	"ok "*) ok "${rest#* - }" ;;
	"not ok "*) fail "${rest#ok * - }" ;;
	"Bail "*) die "$rest" ;;
	*) echo "$word $rest" ;;
	esac
done < <(SRIOV_MANAGE=/usr/lib/nvidia/sriov-manage sh "$tests" /lab/art/facetsim.ko 2>&1)
