"""Keeps the lab's mounts from the host where `unshare --propagation private` cannot: in a chroot.

There "/" is no mount point, so it cannot be made private by its name; the lab then takes a mount namespace for itself,
steps out of the chroot inside it, makes everything private, and steps back.
"""
import ctypes
import functools
import os
import tempfile

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
DEEPEST = 64


def root_is_mount_point():
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as table:
        return any(line.split()[4] == "/" for line in table)


@functools.cache
def separate():
    """Before any node is made; returns the --propagation that nodes then need."""
    if root_is_mount_point():
        return "private"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    failed = _make_all_private(libc)
    if failed:
        raise OSError(failed, "cannot make the mounts private")
    return "unchanged"


def _make_all_private(libc):
    """From outside the chroot, which is left by way of a second one below it; returns an errno or 0."""
    inside, here = (os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in ("/", "."))
    lower = tempfile.mkdtemp()
    try:
        os.chroot(lower)
        os.fchdir(inside)
        for _ in range(DEEPEST):
            os.chdir("..")
        os.chroot(".")
        return ctypes.get_errno() if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0 else 0
    finally:
        os.fchdir(inside)
        os.chroot(".")
        os.fchdir(here)
        os.rmdir(lower)
        os.close(inside)
        os.close(here)
