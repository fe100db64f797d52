"""The wire: the User API's models, its endpoints, its storage and the HTTP under them.

The models are public here, too: `oqtopus_client.rest.JobsJob` is `oqtopus_client.rest.models.JobsJob`.
"""

from oqtopus_client.rest.models import *  # noqa: F403 - all of them, as their __all__ says
