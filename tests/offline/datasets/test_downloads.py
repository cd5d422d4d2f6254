"""Downloads against a server on this machine: broken connections, wrong checksums, full disks, listings."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from bci_app.errors import DatasetError
from offline import cli
from offline.datasets import registry
from offline.datasets.downloads import Nemar, OpenNeuro, PhysioNet, RemoteFile, download, find_missing, transfer

CONTENT = bytes(range(256)) * 4000


@dataclass
class Server:
    """An archive in memory that can break.

    Attributes
    ----------
    files : dict
        Content by path; a string is JSON or XML.
    breaks : dict
        Bytes after which the connection breaks, by path; a path breaks as often as numbers are listed.
    asked : list
        Path and range of every request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: dict[str, list[int]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    ranges: bool = True
    home: str = ""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(transfer, "FIRST_PAUSE", 0.0)
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            state.asked.append((self.path, self.headers.get("Range")))
            page = parse_qs(parts.query).get("continuation-token", [""])[0]
            content = state.files.get(parts.path + page)
            if content is None:
                self.send_error(404)
                return
            first = 0
            if state.ranges and (wanted := self.headers.get("Range")):
                first = int(wanted.removeprefix("bytes=").rstrip("-"))
                if first >= len(content):
                    self.send_error(416)
                    return
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(content) - first))
            self.end_headers()
            planned = state.breaks.get(parts.path, [])
            end = planned.pop(0) if planned else len(content)
            self.wfile.write(content[first:end])
            if end < len(content):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.home = f"http://127.0.0.1:{httpd.server_address[1]}"
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def quiet(*_: object) -> None:
    """Show no progress."""


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def archive(server: Server) -> PhysioNet:
    """Two files, and a checksum for each, as PhysioNet serves them."""
    server.files |= {"/p/1.0.0/a.edf": CONTENT, "/p/1.0.0/b b.edf": b"b", "/p/1.0.0/b%20b.edf": b"b"}
    sums = f"{checksum(CONTENT)}  a.edf\n{checksum(b'b')}  b b.edf\n{'0' * 64}  RECORDS\n"
    server.files["/p/1.0.0/SHA256SUMS.txt"] = sums.encode()
    return PhysioNet("p/1.0.0", ("a.edf", "b b.edf"), mirrors=(server.home,))


def test_files_are_downloaded_once_and_kept_if_their_checksum_is_right(
    archive: PhysioNet, server: Server, tmp_path: Path
) -> None:
    seen: list[tuple[int, int, str, int, int | None]] = []
    done = download(archive, tmp_path, lambda *now: seen.append(now))
    assert (done.n_files, done.n_bytes) == (2, len(CONTENT) + 1)
    assert (tmp_path / "a.edf").read_bytes() == CONTENT
    assert (1, 2, "a.edf", len(CONTENT), len(CONTENT)) in seen
    server.asked.clear()
    (tmp_path / "b b.edf").write_bytes(b"damaged")
    download(archive, tmp_path, quiet)
    assert [path for path, _ in server.asked] == ["/p/1.0.0/SHA256SUMS.txt", "/p/1.0.0/b%20b.edf"]
    assert (tmp_path / "b b.edf").read_bytes() == b"b"


def test_a_broken_connection_goes_on_where_it_stopped(archive: PhysioNet, server: Server, tmp_path: Path) -> None:
    server.breaks["/p/1.0.0/a.edf"] = [300_000, 700_000]
    download(archive, tmp_path, quiet)
    assert (tmp_path / "a.edf").read_bytes() == CONTENT
    ranges = [wanted for path, wanted in server.asked if path.endswith("a.edf")]
    assert len(ranges) == 3
    assert ranges[0] is None
    assert all(wanted is not None and wanted != "bytes=0-" for wanted in ranges[1:])


def test_a_later_call_goes_on_too_and_the_message_says_so(archive: PhysioNet, server: Server, tmp_path: Path) -> None:
    server.breaks["/p/1.0.0/a.edf"] = [500_000] * 4
    with pytest.raises(DatasetError, match=r"a\.edf could not be downloaded.*goes on where it stopped"):
        download(archive, tmp_path, quiet)
    assert not (tmp_path / "a.edf").exists()
    part = (tmp_path / "a.edf.part").stat().st_size
    assert part > 400_000
    server.asked.clear()
    download(archive, tmp_path, quiet)
    assert ("/p/1.0.0/a.edf", f"bytes={part}-") in server.asked
    assert (tmp_path / "a.edf").read_bytes() == CONTENT
    assert not (tmp_path / "a.edf.part").exists()


def test_a_server_without_ranges_and_a_part_of_another_file_start_from_the_beginning(
    archive: PhysioNet, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "a.edf.part").write_bytes(b"x" * (len(CONTENT) + 5))
    server.ranges = False
    download(archive, tmp_path, quiet)
    assert (tmp_path / "a.edf").read_bytes() == CONTENT
    server.ranges = True
    (tmp_path / "a.edf").unlink()
    (tmp_path / "a.edf.part").write_bytes(b"x" * (len(CONTENT) + 5))
    download(archive, tmp_path, quiet)
    assert (tmp_path / "a.edf").read_bytes() == CONTENT
    (tmp_path / "a.edf").unlink()
    (tmp_path / "a.edf.part").write_bytes(b"x" * 1000)
    download(archive, tmp_path, quiet)
    assert (tmp_path / "a.edf").read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_the_next_mirror_asked(
    archive: PhysioNet, server: Server, tmp_path: Path
) -> None:
    server.files["/p/1.0.0/a.edf"] = CONTENT[:-1] + b"!"
    with pytest.raises(DatasetError, match=r"a\.edf could not be downloaded: found .*checksum does not match"):
        download(archive, tmp_path, quiet)
    assert not list(tmp_path.glob("a.edf*"))
    server.files["/m/p/1.0.0/a.edf"] = CONTENT
    server.files["/m/p/1.0.0/b%20b.edf"] = b"b"
    mirrored = PhysioNet("p/1.0.0", archive.names, mirrors=(server.home, f"{server.home}/m"))
    download(mirrored, tmp_path, quiet)
    assert (tmp_path / "a.edf").read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_is_named(archive: PhysioNet, tmp_path: Path) -> None:
    (tmp_path / "a.edf.part").symlink_to("/dev/full")
    with pytest.raises(DatasetError, match=r"The disk is full.*free space.*--root"):
        download(archive, tmp_path, quiet)


def test_what_does_not_fit_is_refused_before_the_first_byte(server: Server, tmp_path: Path) -> None:
    server.files["/"] = page(("ds000001/huge.set", 10**18, "x"))
    with pytest.raises(DatasetError, match=r"does not fit on the disk: found .* MB free"):
        download(OpenNeuro("ds000001", server.home), tmp_path, quiet)
    assert len(server.asked) == 1


def page(*objects: tuple[str, int, str], more: str = "") -> bytes:
    """Write a page of a bucket's listing."""
    rows = "".join(
        f"<Contents><Key>{k}</Key><ETag>&quot;{t}&quot;</ETag><Size>{n}</Size></Contents>" for k, n, t in objects
    )
    rest = f"<NextContinuationToken>{more}</NextContinuationToken>" if more else ""
    return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{rows}{rest}</ListBucketResult>'.encode()


def test_a_bucket_is_listed_page_by_page(server: Server, tmp_path: Path) -> None:
    md5 = hashlib.md5(b"eeg").hexdigest()
    server.files |= {
        "/": page(("ds000001/", 0, "x"), ("ds000001/sub-1/eeg/sub-1_eeg.set", 3, md5), more="next"),
        "/next": page(("ds000001/README", 4, f"{md5}-2")),
        "/ds000001/sub-1/eeg/sub-1_eeg.set": b"eeg",
        "/ds000001/README": b"read",
    }
    archive = OpenNeuro("ds000001", server.home)
    assert [(f.path, f.size, f.checksum) for f in archive.list_files()] == [
        ("sub-1/eeg/sub-1_eeg.set", 3, f"md5:{md5}"),
        ("README", 4, None),
    ]
    download(archive, tmp_path, quiet)
    assert (tmp_path / "sub-1" / "eeg" / "sub-1_eeg.set").read_bytes() == b"eeg"
    (tmp_path / "README").write_bytes(b"rea")  # of an earlier, broken download
    assert find_missing(archive, tmp_path) == (["README"], 2)
    download(archive, tmp_path, quiet)
    assert find_missing(archive, tmp_path) == ([], 2)
    server.files["/"] = page()
    with pytest.raises(DatasetError, match="OpenNeuro has no data set ds000002"):
        OpenNeuro("ds000002", server.home).list_files()


def test_a_manifest_is_that_of_the_newest_version(server: Server, tmp_path: Path) -> None:
    old, new = ({"version": v, "created_at": f"2026-0{n}-01T00:00:00Z"} for n, v in ((1, "v1.0.0"), (2, "v1.1.0")))
    entries = [
        {
            "path": "a.bdf",
            "size": 3,
            "checksum": checksum(b"eeg"),
            "checksum_algorithm": "sha256",
            "url": f"{server.home}/x",
        },
        {"path": "b.tsv", "size": 2, "checksum": "0" * 40, "checksum_algorithm": "git_sha1", "url": f"{server.home}/y"},
    ]
    server.files |= {
        "/nm000001": json.dumps({"versions": [old, new]}).encode(),
        "/nm000001/v1.1.0/manifest.json": json.dumps(entries).encode(),
        "/x": b"eeg",
        "/y": b"on",
    }
    download(Nemar("nm000001", server.home), tmp_path, quiet)
    assert (tmp_path / "a.bdf").read_bytes() == b"eeg"
    assert (tmp_path / "b.tsv").read_bytes() == b"on"
    server.files["/nm000001"] = b"[]"
    with pytest.raises(DatasetError, match="answers something unexpected"):
        Nemar("nm000001", server.home).list_files()
    with pytest.raises(DatasetError, match=r"archive cannot be reached.*--offline"):
        Nemar("nm000002", server.home).list_files()


def test_no_listing_can_write_outside_the_folder() -> None:
    for path in ("../x", "/etc/x", "a/../../x", "..\\x", ""):
        with pytest.raises(DatasetError, match="outside its folder"):
            RemoteFile(path, ())


def test_the_command_downloads_says_what_is_missing_and_whom_to_ask(
    archive: PhysioNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "find_archive", lambda _: archive)
    monkeypatch.setenv("BCI_APP_DATA", str(tmp_path / "data"))
    with pytest.raises(DatasetError, match=r"2 of 2 files of eegmat are missing.*a\.edf, b b\.edf.*Run without"):
        CliRunner().invoke(cli.app, ["datasets", "get", "eegmat", "--offline"], catch_exceptions=False)
    result = CliRunner().invoke(cli.app, ["datasets", "get", "eegmat"], catch_exceptions=False)
    assert "2 files of eegmat, 1.0 MB, in" in result.stdout
    assert "ODC-BY" in result.stdout
    assert (tmp_path / "data" / "eegmat" / "a.edf").exists()
    result = CliRunner().invoke(cli.app, ["datasets", "get", "eegmat", "--offline"], catch_exceptions=False)
    assert "all 2 files of eegmat are in" in result.stdout


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("deap", "Queen Mary"),
        ("deap-original", "Queen Mary"),
        ("dreamer", "Zenodo"),
        ("seed", "Shanghai Jiao Tong"),
        ("seed-iv", "Shanghai Jiao Tong"),
        ("seed-v", "Shanghai Jiao Tong"),
        ("amigos", "Queen Mary"),
        ("unheard-of", "eegmat, deap"),
    ],
)
def test_data_sets_that_must_be_asked_for_name_their_owners(name: str, owner: str) -> None:
    with pytest.raises(DatasetError, match=owner):
        registry.find_archive(name)


def test_accession_numbers_lead_to_their_archives() -> None:
    assert registry.find_archive("ds002721") == OpenNeuro("ds002721")
    assert registry.find_archive("nm000112") == Nemar("nm000112")
    eegmat = registry.find_archive("eegmat")
    assert len(eegmat.names) == 73
    assert eegmat.names[:2] == ("Subject00_1.edf", "Subject00_2.edf")
