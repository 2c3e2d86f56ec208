"""python -m spanflow: writes the flows of a capture as JSON lines, CSV or Parquet."""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import sys
from collections.abc import Sequence
from typing import NoReturn

from spanflow import Streamer, __version__
from spanflow.streamer import YamlText

_WRONG_OPTION = 2
_FAILED = 1
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_WRONG_OPTION, f"{self.prog}: {message}\n")


def _setting(text: str) -> tuple[str, YamlText]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f'expected NAME=VALUE, got "{text}"')
    return name, YamlText(value)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m spanflow",
        description="Reads packets and writes one record per flow. Without --csv and --parquet, it prints one JSON object "
        "per flow.",
        epilog="Exit codes: 0 success, 1 an input cannot be read or an output cannot be written, 2 a wrong option, "
        "130 stopped by Ctrl-C; the files are then complete.",
    )
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="*", help="capture files (- is standard input), or one interface or DPDK device"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--csv", metavar="OUT", help="write a CSV file; - is standard output")
    output.add_argument("--parquet", metavar="OUT", help="write a Parquet file; this needs pyarrow")
    parser.add_argument(
        "--fields", metavar="NAMES", default="classic", help='fields and sets of fields, as in "classic,ja4" (default: classic)'
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        dest="settings",
        action="append",
        default=[],
        type=_setting,
        help="any option of spanflowd; the value is YAML; can be repeated",
    )
    parser.add_argument("--config", metavar="FILE", help="a YAML file of spanflowd")
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show how much of the capture files has been read (default: if it is written to a terminal and the records are not)",
    )
    parser.add_argument("--version", action="version", version=f"spanflow {__version__}")
    return parser


def _streamer(options: argparse.Namespace) -> Streamer:
    progress = options.progress
    if progress is None:
        to_file = options.csv not in (None, "-") or options.parquet is not None
        progress = sys.stderr.isatty() and (to_file or not sys.stdout.isatty())
    return Streamer(
        options.sources or None,
        fields=options.fields.split(","),
        settings=dict(options.settings),
        config=options.config,
        progress=progress,
    )


def _print_flows(streamer: Streamer, sources: Sequence[str]) -> None:
    if not all(map(os.path.isfile, sources)):
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a reader of a live capture gets each flow at once
    for flow in streamer:
        print(flow)
    sys.stdout.flush()


def _write_csv(streamer: Streamer, path: str) -> None:
    try:
        streamer.to_csv(path)
    except RuntimeError:
        if path == "-" and not _has_reader(sys.stdout.fileno()):
            raise BrokenPipeError from None
        raise


def _has_reader(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, 0)
    return not any(events & select.POLLERR for _, events in poll.poll(0))


def _run(options: argparse.Namespace) -> None:
    """Raises BrokenPipeError if nobody reads standard output any longer."""
    streamer = _streamer(options)
    if options.csv is not None:
        _write_csv(streamer, options.csv)
    elif options.parquet is not None:
        streamer.to_parquet(options.parquet)
    else:
        _print_flows(streamer, options.sources)


def _leave_standard_output() -> None:
    """Python flushes standard output when it exits. Without a reader, that would fail again."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.sources and options.config is None:
        parser.error("expected a SOURCE, or --config with an input")
    try:
        _run(options)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _leave_standard_output()
        return 0
    except ValueError as error:
        return _failure(parser, error, _WRONG_OPTION)
    except OSError as error:
        return _failure(parser, error.strerror or error, _FAILED)
    except (RuntimeError, ImportError) as error:
        return _failure(parser, error, _FAILED)
    return 0


def _failure(parser: argparse.ArgumentParser, error: Exception | str, code: int) -> int:
    print(f"{parser.prog}: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
