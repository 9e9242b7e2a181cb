"""The proxy between other clients and the API: what would be refused is repaired, all else passes untouched.

Knows HTTP and who is upstream. Does not know what is right or wrong in a conversation: that is `antiphon.protocol`.
Needs aiohttp: `pip install "antiphon[proxy]"`.
"""

from antiphon.proxy.notes import Done, Exchange
from antiphon.proxy.options import Limits, Options, Recording
from antiphon.proxy.server import Proxy, serve
from antiphon.proxy.upstream import PROFILES, Upstream, parse_upstreams

__all__ = [
    "PROFILES",
    "Done",
    "Exchange",
    "Limits",
    "Options",
    "Proxy",
    "Recording",
    "Upstream",
    "parse_upstreams",
    "serve",
]
