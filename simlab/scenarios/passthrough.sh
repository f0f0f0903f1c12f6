# sentence: A whole GPU is bound away from its driver, given to a VM, and given back to its driver.
# gpus: none
# needs: iommu

facet_up
