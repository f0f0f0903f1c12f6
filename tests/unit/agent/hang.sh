#!/bin/sh
# Stands in for a libvirt client whose server hangs: never reads, never answers.
exec sleep 30
