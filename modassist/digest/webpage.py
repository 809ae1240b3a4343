"""The digest as one HTML file: no script, nothing loaded from elsewhere, every word escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from modassist.digest.digest import Page


def render_page(page: Page) -> str:
    """The digest as an HTML document that opens offline."""
    environment = Environment(
        loader=PackageLoader("modassist", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("digest.html").render(page=page, say=page.wording.say, quoted=page.wording.quoted)
