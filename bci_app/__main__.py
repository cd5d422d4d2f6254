"""``python -m bci_app``, and where the command ``bci-app`` begins."""

import signal


def main() -> None:
    """Run the command line."""
    # Until a session is set up nothing is open that must be closed: Ctrl+C ends the process at once, also in
    # the middle of an import or of a library's call. Sessions have their own handlers.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from bci_app.cli.app import main as command_line

    command_line()


if __name__ == "__main__":
    main()
