"""gunicorn's settings, from the environment alone. Run with this folder as the working directory."""

from config.env import environment, select_settings
from config.logs import configuration
from realtime.worker import ChatWorker

env = environment()
select_settings()


class Worker(ChatWorker):
    """The worker with this instance's numbers."""

    CONFIG_KWARGS = ChatWorker.CONFIG_KWARGS | {
        "ws_ping_interval": env.ping_seconds,
        "ws_ping_timeout": env.ping_seconds,
        "ws_max_size": env.frame_bytes,  # uvicorn's default buffers 16 MiB for each socket (pitfalls G13)
        "timeout_graceful_shutdown": env.uvicorn_graceful_seconds,  # gunicorn's is not passed on (pitfalls G2)
    }
    drain_window = env.drain_seconds
    close_wait = env.close_seconds
    edge = env.edge


wsgi_app = "config.asgi:application"
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
