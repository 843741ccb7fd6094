"""The forms by which systems are connected: a manifest's fields, checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from offhook.adapters.port import Chooser, Field, KeyAuth, Manifest, NoAuth, OAuth
from offhook.errors import Fault, Invalid
from offhook.orchestrator.connections.schemas import ChooserView, FieldView, System

Way = Literal["key", "oauth", "none"]
LONGEST: Final = 2_000
_KEY: Final = Field("key", "Key", help="The key that the system gives out for its API.", secret=True)


def way_of(auth: KeyAuth | OAuth | NoAuth) -> Way:
    """How a way to connect is called."""
    return "key" if isinstance(auth, KeyAuth) else "oauth" if isinstance(auth, OAuth) else "none"


def oauth_of(manifest: Manifest) -> OAuth | None:
    """What the manifest says of OAuth."""
    return next((one for one in manifest.auth if isinstance(one, OAuth)), None)


def fields_of(manifest: Manifest) -> tuple[Field, ...]:
    """The fields of a system's form; one that takes a key has a field for it, whether its manifest describes it or not."""
    named = {one.name for one in manifest.fields}
    takes = any(isinstance(one, KeyAuth) for one in manifest.auth)
    return manifest.fields if not takes or "key" in named else (_KEY, *manifest.fields)


def asked(manifest: Manifest, way: Way) -> tuple[Field, ...]:
    """The fields that this way to connect asks for: only a key's form has the key."""
    return tuple(one for one in fields_of(manifest) if one.name != "key" or way == "key")


def checked(manifest: Manifest, way: Way, given: Mapping[str, str]) -> dict[str, str]:
    """The form's fields without blanks around them; Invalid names what is wrong with each."""
    fields = {one.name: one for one in asked(manifest, way)}
    values = {name: value.strip() for name, value in given.items()}
    faults = [Fault(f"fields.{name}", "there is no such field") for name in sorted(values.keys() - fields.keys())]
    for name, one in fields.items():
        value = values.get(name, "")
        if not value and one.required:
            faults.append(Fault(f"fields.{name}", "this is needed"))
        elif value and (len(value) > LONGEST or (one.pattern and not re.fullmatch(one.pattern, value))):
            faults.append(Fault(f"fields.{name}", f"this is no {one.title.lower()} as {manifest.title} has them"))
    if faults:
        raise Invalid(f"{manifest.title} cannot be connected by this form", faults=tuple(faults))
    return {name: values[name] for name in fields if values.get(name)}


def parted(manifest: Manifest, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What may be shown of a form, and what may not."""
    hidden = {one.name for one in fields_of(manifest) if one.secret}
    return (
        {name: value for name, value in values.items() if name not in hidden},
        {name: value for name, value in values.items() if name in hidden},
    )


def system(manifest: Manifest, ways: list[Way]) -> System:
    """A system as its form needs it."""
    oauth = oauth_of(manifest)
    return System(
        adapter=manifest.id,
        kind=manifest.kind,
        title=manifest.title,
        about=manifest.about,
        tier=manifest.tier,
        ways=ways,
        scopes=list(oauth.scopes) if oauth else [],
        capabilities=sorted(manifest.capabilities),
        writes=list(manifest.writes),
        fields=[
            FieldView(
                name=one.name,
                title=one.title,
                help=one.help,
                pattern=one.pattern,
                secret=one.secret,
                required=one.required,
                placeholder=one.placeholder,
            )
            for one in fields_of(manifest)
        ],
        choosers=[_chooser(one) for one in manifest.choosers],
        mappable=dict(manifest.mappable),
    )


def _chooser(one: Chooser) -> ChooserView:
    return ChooserView(name=one.name, title=one.title, help=one.help, many=one.many, required=one.required, per_staff=one.per_staff)
