from hypothesis import given
from hypothesis import strategies as st

from local_aws.firehose.journal import read_batch


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=8), st.data())
def test_a_cut_file_yields_the_whole_records_before_the_cut(records: list[bytes], data: st.DataObject) -> None:
    """Wherever a crash cuts the file, every record written whole is read and nothing else."""
    header = b"id 7\n"
    pieces = [len(record).to_bytes(4) + record for record in records]
    whole = header + b"".join(pieces)
    cut = data.draw(st.integers(len(header), len(whole)))
    survivors: list[bytes] = []
    end = len(header)
    for record, piece in zip(records, pieces, strict=True):
        end += len(piece)
        if end <= cut:
            survivors.append(record)
    batch = read_batch(whole[:cut])
    assert (batch.records if batch else []) == survivors
