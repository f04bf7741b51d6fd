"""Static files under names that carry their content's hash."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedStorage(ManifestStaticFilesStorage):
    """Django's manifest storage, which leaves a name alone that it does not have: a page is better than its 500."""

    support_js_module_import_aggregation = True  # else modules import each other under unhashed names (pitfalls L9)

    def stored_name(self, name: str) -> str:
        """Return the hashed name, if there is one."""
        try:
            return super().stored_name(name)
        except ValueError:
            return name
