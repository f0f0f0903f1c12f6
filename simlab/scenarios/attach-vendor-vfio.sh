# sentence: A VM draws a vGPU from a group on an SR-IOV GPU (vendor VFIO), and gives it back.
# gpus: L40S@0000:41:00.0/vendor-vfio

facet_up
group ai 'board contains "L40S"' 1
whole_life web01 ai "NVIDIA L40S-8Q" 26b9
check "doctor finds nothing wrong with the ledger" ledger_ok
