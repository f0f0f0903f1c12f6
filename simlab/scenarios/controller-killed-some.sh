# sentence: The first five of the 25 points of controller-killed, of a start and of a stop.
# gpus: L40S@0000:41:00.0/vendor-vfio
# weight: 170

POINTS=5
crash_everywhere facetd
