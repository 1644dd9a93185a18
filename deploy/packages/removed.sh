#!/bin/sh
# After a removal or an upgrade. Settings and keys stay: no package can tell that they are not needed.
set -e
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
case "$1" in
    # It may hold files, be a mount point, or be gone already.
    purge | 0) rmdir /etc/aws-signing-helper 2>/dev/null || true ;;
esac
