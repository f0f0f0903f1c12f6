# sentence: A VM draws a vGPU from a group on a GPU with mediated devices on its VFs, and gives it back.
# gpus: A100@0002:01:00.0/mdev-vf

facet_up
group training 'board contains "A100"' 1
whole_life train01 training "$(facet profile list -o json | jq -r '[.items[] | select(.gpus > 0 and (.mig | not) and .series == "C" and .fb_mib == 10240)][0].name')" 20b5
