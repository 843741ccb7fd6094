"""Business systems (CRM, calendars): ``<kind>/<name>.py`` holds ``MANIFEST`` and a class; nothing else is edited to add one."""
