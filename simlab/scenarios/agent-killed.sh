# sentence: The agent dies at 25 points of a start and 25 of a stop: nothing leaks, nothing is taken twice.
# gpus: L40S@0000:41:00.0/vendor-vfio
# run: long
# limit: 2400

crash_everywhere facet-agent
