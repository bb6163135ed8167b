"""What the user wants of this worker right now: `control.json`, and SIGTERM as its stand-in."""

import signal
from types import FrameType

from engine.control import Control, Desired
from engine.job import Job


class Wish:
    """Follows `control.json`; a look costs one `stat` while nothing changed."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._signature: tuple[int, int, int] | None = None
        self._terminated = False
        self.control = Control()
        self.look()

    def listen(self) -> None:
        """Take SIGTERM as a wish to pause; ignore SIGHUP, so that a closed terminal changes nothing."""
        signal.signal(signal.SIGTERM, self._on_terminate)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _on_terminate(self, number: int, frame: FrameType | None) -> None:
        self._terminated = True

    def look(self) -> Desired:
        """The wish as of now."""
        try:
            stat = self._job.control_file.stat()
            signature = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if signature != self._signature:
                self.control = self._job.control()
                self._signature = signature
        except OSError:
            pass
        if self.control.desired is Desired.RUN and self._terminated:
            return Desired.PAUSE
        return self.control.desired

    @property
    def reason(self) -> str:
        """Why a pause was asked for."""
        asked = self.control.desired is not Desired.RUN
        return self.control.reason if asked else "signal"
