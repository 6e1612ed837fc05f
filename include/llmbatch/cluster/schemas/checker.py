"""Whether the engine can decode to a constraint: a child process that may die of it compiles each once."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from llmbatch.cluster.schemas import compiler
from llmbatch.cluster.schemas.bounded import bounded
from llmbatch.cluster.schemas.constraint import Constraint
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

MAX_VERDICTS = 4096
"""Constraints whose verdict a checker keeps; beyond that the one that was used least recently is forgotten."""

_START_SECONDS = 120.0


@dataclass(frozen=True)
class CompilerLimits:
    """What one constraint may cost.

    Attributes:
        cpu_seconds: CPU time of its compilation; the largest useful ones take under one second.
        wall_seconds: time of its compilation, longer because a machine may be busy.
        memory_bytes: address space of the child.
    """

    cpu_seconds: int = 5
    wall_seconds: float = 60.0
    memory_bytes: int = 2**30


class SchemaChecker:
    """Checks constraints one after the other, for one event loop, which is never blocked.

    The child serves many of them and is replaced when one of them ends it.

    Args:
        limits: what one constraint may cost.
        program: the child's program; see ``compiler``.
    """

    def __init__(self, limits: CompilerLimits | None = None, program: Path = Path(compiler.__file__)) -> None:
        self._limits, self._program = limits or CompilerLimits(), program
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._verdicts: OrderedDict[bytes, str | None] = OrderedDict()

    async def decodable(self, constraint: Constraint) -> Constraint:
        """Return the constraint as the engine must get it (see ``bounded``).

        Raises:
            RowError: SCHEMA, with the backend's reason: the engine cannot decode to this constraint.
            RuntimeError: the compiler does not start; it says nothing of the constraint.
        """
        checked, reason = bounded(constraint)
        if reason is None:
            reason = await self._reason(json.dumps([checked.kind, checked.spec]))
        if reason is not None:
            raise RowError(ErrorClass.SCHEMA, f"the engine cannot decode to the {constraint.name}: {reason}")
        return checked

    async def close(self) -> None:
        """End the child, if there is one, and wait for its end."""
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()

    async def _reason(self, text: str) -> str | None:
        key = hashlib.sha256(text.encode()).digest()
        async with self._turn:
            if key not in self._verdicts:
                self._verdicts[key] = await self._compile(text)
                if len(self._verdicts) > MAX_VERDICTS:
                    self._verdicts.popitem(last=False)
            self._verdicts.move_to_end(key)
            return self._verdicts[key]

    async def _compile(self, text: str) -> str | None:
        """Compile in the child. A child that died is no proof, as others may kill it: the constraint gets a second one.

        The exit code of a child is not used: another library of this process may have reaped the child.
        """
        for _ in range(2):
            child = self._child if self._child is not None and self._child.returncode is None else await self._start()
            try:
                async with asyncio.timeout(self._limits.wall_seconds):
                    answer = await _asked(child, text)
            except TimeoutError:
                await self.close()
                return f"compiling it takes more than {self._limits.wall_seconds:g} s"
            except BaseException:
                await self.close()  # its answer to this one would be read as the answer to the next one
                raise
            if answer is not None:
                verdict: str | None = json.loads(answer)
                return verdict
            await self.close()
        seconds, mebibytes = self._limits.cpu_seconds, self._limits.memory_bytes // 2**20
        return f"compiling it takes more than {seconds} s of CPU time or {mebibytes} MiB, or crashes the compiler"

    async def _start(self) -> asyncio.subprocess.Process:
        limits = self._limits
        child = self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # or the program's folder would be the first to be searched for modules
            str(self._program),
            str(limits.cpu_seconds),
            str(limits.memory_bytes),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                ready = await _line(child)
        except BaseException:
            await self.close()
            raise
        if ready is None:
            await self.close()
            raise RuntimeError(f"the schema compiler does not start: {self._program} ended at once")
        return child


async def _asked(child: asyncio.subprocess.Process, text: str) -> bytes | None:
    """Send one constraint; return the answer, or None if the child has ended."""
    if child.stdin is None:
        raise RuntimeError("the schema compiler has no standard input")
    child.stdin.write(text.encode() + b"\n")
    try:
        await child.stdin.drain()
    except ConnectionError:
        return None
    return await _line(child)


async def _line(child: asyncio.subprocess.Process) -> bytes | None:
    if child.stdout is None:
        raise RuntimeError("the schema compiler has no standard output")
    line = await child.stdout.readline()
    return line if line.endswith(b"\n") else None
