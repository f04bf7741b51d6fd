"""gunicorn's settings for any project, from the environment alone: `gunicorn -c python:parley_serving.server`."""

from parley_serving.budget import Budget
from parley_serving.environment import environment
from parley_serving.logs import configuration
from parley_serving.project import attempts  # noqa: F401 (before the fork: what workers tell each other)
from parley_serving.worker import DrainingWorker

env = environment()


class Worker(DrainingWorker):
    """The worker with this instance's numbers."""

    CONFIG_KWARGS = DrainingWorker.CONFIG_KWARGS | {
        "lifespan": "auto" if env.asgi else "off",  # a project may have one; the chat has none
        "ws_ping_interval": env.ping_seconds,
        "ws_ping_timeout": env.ping_seconds,
        "ws_max_size": env.frame_bytes,  # uvicorn's default buffers 16 MiB for each socket (pitfalls G13)
        "timeout_graceful_shutdown": env.uvicorn_graceful_seconds,  # gunicorn's is not passed on (pitfalls G2)
    }
    drain_window = env.drain_seconds
    close_wait = env.close_seconds
    edge = env.edge
    budget = Budget.above(frames_per_second=env.frames_per_second, burst=env.burst, frame_bytes=env.frame_bytes)


wsgi_app = "parley_serving.asgi:application"
bind = [env.bind, *([env.metrics_bind] if env.metrics_bind else [])]
workers = 1  # instances are processes of their own: a shared listener does not share sockets evenly (pitfalls G7)
worker_class = Worker
worker_tmp_dir = "/dev/shm"  # noqa: S108 (the heartbeat file must not wait for a disk, pitfalls G17)
timeout = env.worker_timeout
graceful_timeout = env.graceful_seconds
keepalive = 75  # longer than the 60 s of most proxies that keep connections (ours keeps none): none closes under one
forwarded_allow_ips = env.trusted_proxies
umask = 0o007  # the unix socket is for this user and group
max_requests = 0  # recycling a worker cuts its sockets (pitfalls G4)
control_socket_disable = True  # writes under a HOME that a service does not have (pitfalls A10)
accesslog = None
logconfig_dict = configuration(style=env.log_format, level=env.log_level)
