"""The fault table. To add a fault, add a row to one of these lists; `steps.py` contains the steps of the server."""

from __future__ import annotations

from ..fault import Fault
from .arguments import FAULTS as ARGUMENTS
from .connections import FAULTS as CONNECTIONS
from .redirects import FAULTS as REDIRECTS
from .responses import FAULTS as RESPONSES
from .rows import FAULTS as ROWS
from .sizes import FAULTS as SIZES
from .statuses import FAULTS as STATUSES
from .waits import FAULTS as WAITS

FAULTS: list[Fault] = [*WAITS, *STATUSES, *CONNECTIONS, *REDIRECTS, *SIZES, *RESPONSES, *ROWS, *ARGUMENTS]
