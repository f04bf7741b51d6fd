"""What gunicorn serves for a project: its own ASGI application, with ids, health and the Origin rule around it."""

from parley_serving.environment import environment
from parley_serving.project.application import wrapped
from parley_serving.project.start import application_of, prepare

env = environment()
prepare(env)
application = wrapped(application_of(env), env)
