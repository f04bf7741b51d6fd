"""Where any instance answers whether it lives and whether it is ready (app/parley_serving/health.py).

A project may have a /healthz or a /readyz of its own, and none has paths below /.parley.
"""

ALIVE = "/.parley/healthz"
READY = "/.parley/readyz"
EDGE = "X-Parley-Edge"  # of READY: ok or away, whether the instance has found nginx
