#!/bin/sh
# After a removal or an upgrade. Settings and keys stay: no package can tell that they are not needed.
set -e
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
case "$1" in
    purge | 0) rmdir --ignore-fail-on-non-empty /etc/aws-signing-helper ;;
esac
