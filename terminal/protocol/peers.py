"""Who is at the other end of a local socket: this user's own program, or a stranger's.

A socket's path may be guessed, and who comes first may listen there. So neither side says or takes
a word before the system has told whose program the other one is.
"""

import os
import socket
import stat
import struct
import sys
from pathlib import Path

ROOT = 0
_LINUX = struct.Struct("=3i")  # process, user, group
_MACOS = struct.Struct("=2I")  # version of the structure, user
_MACOS_PEERCRED, _MACOS_BYTES = 1, 76


def stranger_at(link: socket.socket) -> str:
    """Whose program is at the other end, as "user 1001"; "" for our own, and the system's.

    Also "" where the platform does not say: then the folder's owner has to do.
    """
    user = _user_of(link)
    return "" if user in (None, ROOT, os.getuid()) else f"user {user}"


def _user_of(link: socket.socket) -> int | None:
    user: int | None = None
    if link.family != getattr(socket, "AF_UNIX", None):
        return user
    if sys.platform == "linux":
        told = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _LINUX.size)
        _, user, _ = _LINUX.unpack(told)
    elif sys.platform == "darwin":
        told = link.getsockopt(0, _MACOS_PEERCRED, _MACOS_BYTES)
        _, user = _MACOS.unpack_from(told)
    return user


def strangers_folder(folder: Path) -> str:
    """Why a folder is no place for our socket, in words; "" where it is ours alone."""
    if not hasattr(os, "getuid"):
        return ""
    try:
        seen = folder.lstat() if folder.is_symlink() else folder.stat()
    except OSError:
        return ""
    if seen.st_uid not in (ROOT, os.getuid()):
        return f"{folder} belongs to another user"
    if seen.st_mode & stat.S_IWOTH and not stat.S_ISLNK(seen.st_mode):
        return f"anybody may write in {folder}"
    return ""
