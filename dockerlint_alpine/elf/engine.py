"""An image of a running container engine, through the docker SDK: saved as a stream and read; nothing is run in it."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from dockerlint_alpine.elf.address import find_engine
from dockerlint_alpine.elf.errors import EngineError
from dockerlint_alpine.elf.images import read_image_file
from dockerlint_alpine.elf.targets import EVERYTHING, Reading, Subject
from dockerlint_alpine.system.unreadable import ArchiveError

if TYPE_CHECKING:
    from docker import DockerClient

MAX_IMAGE = 256 * 1024**3


def open_engine_image(name: str, how: Reading = EVERYTHING, *, client: DockerClient | None = None) -> Subject:
    """Give the subject of the image ``name`` (as ``docker image ls`` shows it) of the engine that docker would ask.

    ``client`` is another engine's. Raises :class:`EngineError` where the engine or the image can't be had and
    :class:`ArchiveError` where what it sends can't be read.
    """
    import docker
    from docker.errors import DockerException, ImageNotFound
    from requests.exceptions import RequestException

    own = None
    try:
        if client is None:
            address = find_engine(None, os.environ)
            given = address.said_by == "DOCKER_HOST"  # and what else the environment says of it
            client = own = docker.from_env() if given else docker.DockerClient(base_url=address.url)
        with tempfile.TemporaryFile() as saved:
            for chunk in client.images.get(name).save():
                saved.write(chunk)
                if saved.tell() > MAX_IMAGE:
                    raise ArchiveError(f"image:{name}: bigger than {MAX_IMAGE} bytes")
            saved.flush()
            return read_image_file(saved.fileno(), saved.tell(), f"image:{name}", how)
    except ImageNotFound:
        raise EngineError(f"image:{name}: the engine has no such image") from None
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"image:{name}: the engine can't be queried: {' '.join(str(error).split())[:300]}") from None
    finally:
        if own is not None:
            own.close()
