#!/bin/sh
# After an installation or an upgrade, of deb and rpm alike.
set -e

# Images and old systems (RHEL 7) have no systemd-sysusers.
if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers aws-signing-helper.conf
elif ! getent passwd aws-signing-helper >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin aws-signing-helper
fi
# No package owns the folder: it holds an administrator's settings and keys, and has the rights that he gave it.
[ -d /etc/aws-signing-helper ] || install -d -m 0755 /etc/aws-signing-helper

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # The new program, in the instances that run. It answers once it has credentials: nothing waits for that.
    systemctl try-restart --no-block 'aws-signing-helper-*@*.service'
fi
