# sentence: A VM draws a vGPU from a group on a GPU with mediated devices on its PF, and gives it back.
# gpus: T4@0001:00:10.0/mdev

facet_up
group desktops 'framework eq mdev' 1
whole_life desk01 desktops "GRID T4-2Q" 1eb8
