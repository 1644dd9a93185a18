#!/bin/bash
# Starts systemd as the first process of its own namespaces, with the unit UNIT of FOLDER, and its socket if it is
# there, wanted by multi-user.target. Writes FOLDER/reached once that target is reached and the script FOLDER/wait
# has ended.
#
#   unshare --pid --mount --net --uts --ipc --fork --kill-child bash boot.sh FOLDER UNIT
set -eu
folder=$1 unit=$2 root=$1/root
if [ $# = 2 ]; then
    # A control group of its own, so that it changes no other.
    mount --make-rprivate /
    mkdir "$folder/groups"
    mount -t cgroup2 cgroup2 "$folder/groups"
    group=$folder/groups/$(basename "$folder")
    mkdir "$group"
    echo 0 >"$group/cgroup.procs"
    exec unshare --cgroup bash "$0" "$folder" "$unit" inside
fi
mkdir "$root"
mount -t tmpfs none "$root"
cd "$root"
mkdir -p proc sys dev run tmp usr var host old etc/systemd/system/multi-user.target.wants
for name in bin sbin lib lib64; do
    if [ -L "/$name" ]; then cp -a "/$name" "$name"; fi
done
cp /etc/passwd /etc/group /etc/ld.so.cache etc/
mkdir etc/aws-signing-helper
touch etc/aws-signing-helper/test.env
mount --rbind -o ro /usr usr
mount --bind "$folder" host
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for place in run tmp dev; do mount -t tmpfs none "$place"; done
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done

cd etc/systemd/system
for service in systemd-networkd systemd-networkd-wait-online; do ln -s /dev/null "$service.service"; done
ip link set lo up
for file in "$folder/$unit"@.*; do
    kind=${file##*.}
    cp "$file" .
    ln -s "../$unit@.$kind" "multi-user.target.wants/$unit@test.$kind"
done
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\n' >multi-user.target
printf '[Unit]\nDescription=Nothing\n' >sysinit.target
cat >reached.service <<EOT
[Unit]
DefaultDependencies=no
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash -c "/bin/bash /host/wait && touch /host/reached"
EOT
ln -s ../reached.service multi-user.target.wants/reached.service
cd "$root"
pivot_root . old
umount -l old
export container=test
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=null
