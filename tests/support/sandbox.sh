# The inside of a new mount, pid, network, uts and ipc namespace becomes a machine of its own: a root, the real one or
# another system's, below a throw-away overlay. Then the first process takes over.
# Called as: sandbox.sh ROOT PAM_HOST [DIRECTORY THAT MUST BE SEEN]...
# A directory in $DISK becomes /disk.
set -euo pipefail
base=$1 first_process=$2
shift 2

# /proc is still the real one, so the kernel tells this shell's pid as the outside sees it.
read -r pid _ </proc/self/stat

mount --make-rprivate /

# Only this namespace sees what lies over /sys from here on: no directory is left behind on the real disk, and nobody
# keeps a checkout there.
stage=/sys
mount -t tmpfs -o mode=755 sandbox "$stage"
mkdir "$stage/upper" "$stage/work" "$stage/root"
root=$stage/root
mount -t overlay -o "lowerdir=$base,upperdir=$stage/upper,workdir=$stage/work" sandbox "$root"

mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
while read -r name major minor; do
    mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done <<'DEVICES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
DEVICES
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mkdir -p "$root/run/lock" "$root/run/sshd"
touch "$root/run/utmp"
rm -rf "$root/etc/twofactor" "$root/var/lib/twofactor"

# The people of the real machine have no account and no home here: tests add users by their names.
mount -t tmpfs -o mode=755 home "$root/home"
for name in $(awk -F: '$3 >= 1000 && $3 < 60000 { print $1 }' "$root/etc/passwd"); do
    for file in passwd shadow group gshadow subuid subgid; do
        if [ -e "$root/etc/$file" ]; then
            awk -F: -v name="$name" '$1 != name' "$root/etc/$file" >"$root/tmp/$file"
            cat "$root/tmp/$file" >"$root/etc/$file"
            rm "$root/tmp/$file"
        fi
    done
done

# What lies on another file system than the root, or under /tmp or /run, is not in the overlay: bound in, read-only.
for seen in "$@"; do
    if [ -e "$seen" ]; then
        mkdir -p "$root$seen"
        mount --bind "$seen" "$root$seen"
        mount -o remount,bind,ro "$root$seen"
    fi
done

if [ -n "${DISK:-}" ]; then
    mkdir "$root/disk"
    mount --bind "$DISK" "$root/disk"
fi

# While there is an ip(8): another system may have none.
ip link set lo up
hostname testhost

cd "$root"
pivot_root . .
umount -l .
cd /

echo testhost >/etc/hostname
printf '127.0.0.1 localhost testhost\n::1 localhost\n' >/etc/hosts

echo "$pid"
exec "$first_process" init
