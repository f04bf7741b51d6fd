"""Whether an instance of a project should be given visitors: its database, its layer, and its own word for health."""

from django.db import Error, connection

from parley_serving.project.page import Page
from parley_serving.readiness import Question, Readiness, in_thread

DUMMY = "django.db.backends.dummy"


def readiness_of(page: Page | None) -> Readiness:
    """Return what to ask; whether migrations are pending is the release's affair, which runs them."""
    questions = [Question(_database, slow={"database": "slow"})]
    if page is not None:
        questions.append(Question(page.ask, slow={"page": "slow"}))
    return Readiness(*questions)


async def _database() -> dict[str, str]:
    return await in_thread(_ask)


def _ask() -> dict[str, str]:
    """Return the word for the default database."""
    if connection.settings_dict["ENGINE"] == DUMMY:
        return {"database": "none"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        return {"database": f"down: {type(error).__name__}"}
    finally:
        connection.close()
    return {"database": "ok"}
