"""One request over the standard library's HTTP; each has its own connection, so threads may share a client."""

import http.client
from collections.abc import Mapping

from gpu_shopper.client.errors import UnexpectedAnswer
from gpu_shopper.client.exchange import (
    LONGEST_ANSWER_BYTES,
    Answer,
    Call,
    Server,
    T,
    unreachable,
)


def exchange(
    server: Server, call: Call[T], headers: Mapping[str, str], *, timeout_s: float
) -> Answer:
    """Return the answer to one request, whatever its status.

    Raises:
        ServerUnreachable: there was none.
        UnexpectedAnswer: it is too long to be one.
    """
    secure = server.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(server.host, server.port, timeout=timeout_s)
    try:
        try:
            connection.connect()
        except OSError as error:
            raise unreachable(server, error, sent=False) from error
        try:
            connection.request(
                call.method, server.prefix + call.path, body=call.body, headers=dict(headers)
            )
            response = connection.getresponse()
            body = response.read(LONGEST_ANSWER_BYTES + 1)
            missing = response.length or 0
            if missing and len(body) <= LONGEST_ANSWER_BYTES:
                # Told how much to read at most, the library takes a body that was cut for a whole one. A server that dies
                # between head and body leaves just that, and the caller must ask again as after any lost reply.
                raise http.client.IncompleteRead(body, missing)
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(server, error, sent=True) from error
    finally:
        connection.close()
    if len(body) > LONGEST_ANSWER_BYTES:
        raise UnexpectedAnswer(f"{server.url} answered with more than {LONGEST_ANSWER_BYTES} bytes")
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        body=body,
    )
