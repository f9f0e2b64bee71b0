"""What happens to processes and their store while they work."""

from __future__ import annotations

import random
import time

from tests.sandbox.function_compute import FunctionCompute
from tests.support.valkey import Valkey


def kill_one(platform: FunctionCompute, turned: random.Random) -> int:
    """Kills a process, busy or not; how many there were to kill."""
    killed = turned.sample(platform.instances, len(platform.instances))[:1]
    for instance in killed:
        instance.process.kill()
    return len(killed)


def freeze_half(platform: FunctionCompute, turned: random.Random, seconds: float) -> int:
    """Freezes half of the processes, busy or not, for so long; how many."""
    frozen = turned.sample(platform.instances, len(platform.instances) // 2)
    for instance in frozen:
        instance.freeze()
    time.sleep(seconds)
    for instance in frozen:
        instance.thaw()
    return len(frozen)


def pause(valkey: Valkey, seconds: float) -> None:
    """Lets the store hang."""
    valkey.pause()
    time.sleep(seconds)
    valkey.resume()


def restart(valkey: Valkey, seconds: float) -> None:
    """Kills the store, and starts it again."""
    valkey.stop()
    time.sleep(seconds)
    valkey.start()
