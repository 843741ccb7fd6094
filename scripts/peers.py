"""Debian's SIPp, baresip, Kamailio, rtpengine and coturn for the tests, installed where they are missing and that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PACKAGES = {
    "sipp": "sip-tester",
    "baresip": "baresip-core",
    "kamailio": "kamailio",
    "rtpengine": "rtpengine-daemon",
    "turnserver": "coturn",
}


def main() -> None:
    """Install what is missing; say so where that is not possible."""
    missing = [package for command, package in PACKAGES.items() if shutil.which(command) is None]
    if not missing:
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]):
            subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    left = [package for command, package in PACKAGES.items() if shutil.which(command) is None]
    if left:
        sys.stdout.write(f"not installed: {' '.join(left)}: the tests that need them will say that they are skipped\n")


if __name__ == "__main__":
    main()
