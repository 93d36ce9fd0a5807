"""Keeps the lab's mounts from the host where `unshare --propagation private` cannot: in a chroot.

There "/" is no mount point, so it cannot be made private by its name. The caller then takes a mount namespace for itself,
steps out of the chroot inside it, makes everything private, and makes the chroot's folder the root of that namespace: from
there on it and its children stand on an ordinary, private "/". All of it ends with the process.
"""
import ctypes
import functools
import os
import tempfile

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18
MNT_DETACH = 2
DEEPEST = 64


def root_is_mount_point():
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as table:
        return any(line.split()[4] == "/" for line in table)


@functools.cache
def separate():
    """Before anything is mounted or unshared; the process must have one thread. Nothing to do outside a chroot."""
    if root_is_mount_point():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.getcwd()
    _call(libc, "unshare", CLONE_NEWNS)
    _step_out()
    _call(libc, "mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    folder = os.getcwd()
    _call(libc, "mount", os.fsencode(folder), os.fsencode(folder), None, MS_BIND | MS_REC, None)
    os.chdir(folder)  # by its name: now the new mount on it
    _call(libc, "pivot_root", b".", b".")
    _call(libc, "umount2", b".", MNT_DETACH)
    os.chdir(here)


def _call(libc, name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: cannot give the lab mounts of its own")


def _step_out():
    """The chroot is left by way of a second one below it; the working directory stays the chroot's own folder."""
    inside = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    lower = tempfile.mkdtemp()
    try:
        os.chroot(lower)
        os.fchdir(inside)
        for _ in range(DEEPEST):
            os.chdir("..")
        os.chroot(".")
        os.fchdir(inside)
        os.rmdir("." + lower)
    finally:
        os.close(inside)
