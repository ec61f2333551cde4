"""Event-stream frames survive any cutting and no damage goes unseen."""

from hypothesis import given
from hypothesis import strategies as st

from aws_wire.event_stream import CorruptFrame, Decoder, Frame, encode

names = st.text(min_size=1, max_size=20)
frames = st.builds(
    Frame,
    headers=st.dictionaries(names, st.text(max_size=50), max_size=4),
    payload=st.binary(max_size=200),
)


@given(st.lists(frames, max_size=5), st.lists(st.integers(1, 60)))
def test_round_trip_in_any_pieces(sent: list[Frame], cuts: list[int]) -> None:
    """Any frames, cut anywhere, are decoded to the same frames in the same order."""
    data = b"".join(encode(frame.headers, frame.payload) for frame in sent)
    decoder = Decoder()
    received: list[Frame] = []
    for cut in cuts:
        received += decoder.feed(data[:cut])
        data = data[cut:]
    received += decoder.feed(data)
    assert received == sent
    assert decoder.buffered == 0


@given(frames, st.data())
def test_any_flipped_bit_is_never_delivered(frame: Frame, data: st.DataObject) -> None:
    """One flipped bit anywhere yields CorruptFrame or a wait for more data, never a frame."""
    damaged = bytearray(encode(frame.headers, frame.payload))
    position = data.draw(st.integers(0, len(damaged) - 1))
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        received = list(Decoder().feed(bytes(damaged)))
    except CorruptFrame:
        return
    assert received == []
