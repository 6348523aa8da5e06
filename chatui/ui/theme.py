"""How the page looks: Gradio's theme, our style sheet, and what goes into the page's head.

Colours that carry meaning in charts live in `charts.py`; everything else about looks is here and
in `theme.css`. Teal, because Gradio's stock orange would read as "base"; no web fonts, because the
page must work offline.
"""

from pathlib import Path

import gradio as gr
from gradio.themes import sizes

CSS = (Path(__file__).parent / "theme.css").read_text(encoding="utf-8")

# The sheet goes into the head as it is: what is handed to Gradio as `css` is rewritten, and rules
# for phones then reach only a part of the page. `color_accent` has no dark form of its own, and
# teal 700 on the dark page is only 3.5:1.
HEAD = f"""
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
:root:root.dark, :root:root .dark {{ --color-accent: var(--primary-400); }}
{CSS}
</style>
"""


def theme() -> gr.themes.Base:
    """The theme of every page: teal on zinc, 16 px text, system fonts."""
    return gr.themes.Default(
        primary_hue="teal",
        secondary_hue="zinc",
        neutral_hue="zinc",
        text_size=sizes.text_lg,
        spacing_size=sizes.spacing_lg,
        radius_size=sizes.radius_md,
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        color_accent="*primary_700",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_title_text_color="*neutral_800",
        block_label_text_color="*neutral_800",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_400",
        button_primary_background_fill_hover_dark="*primary_300",
        button_primary_text_color_dark="*primary_950",
        block_background_fill_dark="*neutral_900",
    )
