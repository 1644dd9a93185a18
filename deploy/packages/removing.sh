#!/bin/sh
# Before a removal. A deb says `remove`, an rpm how many of its kind remain; an upgrade leaves all as it is.
set -e
case "$1" in
    remove | 0) ;;
    *) exit 0 ;;
esac

command -v systemctl >/dev/null || exit 0
if [ -d /run/systemd/system ]; then
    systemctl stop 'aws-signing-helper-*@*'
fi
# Every instance of a template.
systemctl --quiet disable aws-signing-helper-serve@.socket aws-signing-helper-serve@.service \
    aws-signing-helper-update@.service
