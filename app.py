"""Serve chatui: settings → services → server. Also what a Hugging Face Space runs."""

import sys

from chatui.errors import ChatUIError
from chatui.settings import load_settings, quiet_environment


def main() -> None:
    quiet_environment()  # before Gradio is imported
    from chatui.services import Services
    from chatui.ui.server import serve

    settings = load_settings()
    serve(Services.open(settings), settings)


if __name__ == "__main__":
    try:
        main()
    except ChatUIError as error:
        sys.exit(str(error))
