"""A figure as HTML: caption, place to be drawn in, the numbers for page.js, the table behind."""

import json

from gradlab.report.tables import Table, data_table, text


def figure_html(
    name: str,
    spec: dict[str, object],
    *,
    title: str,
    description: str,
    height: int,
    notes: str = "",
    table: Table | None = None,
) -> str:
    """Return a figure.

    Args:
        name: Unique in the page: the ID, and the name of saved files.
        spec: What page.js draws: `data` and `layout` as Plotly takes them, and `height`.
        title: Caption.
        description: What it shows, for those who can't see it.
        height: Pixels.
        notes: Remarks under the figure, as HTML.
        table: The same numbers, if the page holds them.
    """
    folded = data_table(table, file_name=f"{name}.csv") if table else ""
    return f"""<figure aria-labelledby="{name}-title">
<figcaption id="{name}-title">{text(title)}</figcaption>
<div class="plot" id="{name}" style="height:{height}px" role="img" \
aria-label="{text(description)}"></div>
<script type="application/json">{as_json(spec)}</script>{notes}
{folded}
</figure>"""


def as_json(value: object) -> str:
    """Write JSON that can stand inside a script element: no `<`, so nothing ends it.

    >>> as_json("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    raw = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return raw.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
