"""Rows of many ids, asked for by one parameter."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, any_, bindparam
from sqlalchemy.orm import InstrumentedAttribute


def among(column: InstrumentedAttribute[Any], values: Collection[str]) -> ColumnElement[bool]:
    """Whether the column holds one of these texts: as ``in_``, but one array and one statement however many there are.

    A page of fifty would be a statement of fifty parameters, which SQLAlchemy writes out, and psycopg takes apart, anew each time.
    """
    return column == any_(bindparam(None, list(values), type_=ARRAY(Text)))
