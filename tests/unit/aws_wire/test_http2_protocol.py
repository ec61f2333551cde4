"""What this client's side of HTTP/2 makes of bytes."""

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import PingAckReceived, SettingsAcknowledged
from hyperframe.frame import GoAwayFrame

from aws_wire.data_plane.http2_protocol import client_connection


def test_a_ping_before_a_goaway_is_answered():
    """A server that leaves gracefully measures by a PING when it may; both come in one segment."""
    client, server = client_connection(), H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    server.receive_data(client.data_to_send())
    server.ping(b"leaving?")
    goaway = GoAwayFrame(0, last_stream_id=2**31 - 1).serialize()
    client.receive_data(server.data_to_send() + goaway)
    answered = server.receive_data(client.data_to_send())
    assert [type(event) for event in answered] == [PingAckReceived]


def test_settings_before_a_goaway_are_acknowledged():
    """Likewise the acknowledgement that a server waits for."""
    client, server = client_connection(), H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send() + GoAwayFrame(0, last_stream_id=2**31 - 1).serialize())
    answered = server.receive_data(client.data_to_send())
    assert SettingsAcknowledged in [type(event) for event in answered]
