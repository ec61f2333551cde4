package kcl;

import java.util.List;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

/** Notes a shard's records and checkpoints the last one noted: at an interval, at a stop, and at the shard's end. */
final class ShardReader implements ShardRecordProcessor {
    private final Records records;
    private final long checkpointMillis;
    private String shard;
    private KinesisClientRecord last;
    private long checkpointed;

    ShardReader(Records records, long checkpointMillis) {
        this.records = records;
        this.checkpointMillis = checkpointMillis;
    }

    @Override
    public void initialize(InitializationInput input) {
        shard = input.shardId();
        System.err.println("reads " + shard + " from " + input.extendedSequenceNumber());
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
        List<KinesisClientRecord> given = input.records();
        int taken = records.take(shard, given);
        if (taken > 0) {
            last = given.get(taken - 1);
        }
        long now = System.currentTimeMillis();
        if (last != null && now - checkpointed >= checkpointMillis) {
            checkpoint(input.checkpointer());
            checkpointed = now;
        }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
        System.err.println("lost " + shard);
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
        System.err.println("ended " + shard);
        try {
            input.checkpointer().checkpoint();
        } catch (InvalidStateException | ShutdownException problem) {
            throw new IllegalStateException(problem);
        }
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
        System.err.println("leaves " + shard);
        checkpoint(input.checkpointer());
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
        if (last == null) {
            return;
        }
        try {
            checkpointer.checkpoint(last.sequenceNumber(), last.subSequenceNumber());
            last = null;
        } catch (InvalidStateException | ShutdownException problem) {
            throw new IllegalStateException(problem);
        }
    }
}
