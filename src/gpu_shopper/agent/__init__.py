"""The node agent: the rented instance seen from inside, and the switch that ends it when nobody answers any more.

Standard library only, valid on Python 3.8, one zipapp. `pack` and `boot_script` are the two modules that stay at home:
they build what the node is given.
"""

from __future__ import annotations

AGENT_VERSION = "0.1.0"
