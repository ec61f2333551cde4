package kcl;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

/**
 * Where processed records are noted: a line each (mode {@code records}), a total every 50 ms (mode {@code count}), or
 * one latency in microseconds each (mode {@code latency}: the data starts with the put's epoch nanoseconds, 19 digits).
 *
 * <p>Takes at most {@code limit} records of all shards together; when they are taken, {@code onLimit} runs once.
 */
final class Records {
    private static final int STAMP_DIGITS = 19;

    private final OutputStream output;
    private final String mode;
    private final long limit;
    private final Runnable onLimit;
    private final AtomicLong total = new AtomicLong();

    Records(Path file, String mode, long limit, Runnable onLimit) throws IOException {
        this.output = Files.newOutputStream(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
        this.mode = mode;
        this.limit = limit;
        this.onLimit = onLimit;
        if (mode.equals("count")) {
            Thread reporter = new Thread(this::report, "totals");
            reporter.setDaemon(true);
            reporter.start();
        }
    }

    /** Notes records of a shard in order; returns how many of them, from the first on, were taken. */
    int take(String shard, List<KinesisClientRecord> records) {
        if (mode.equals("count")) {
            total.addAndGet(records.size());
            return records.size();
        }
        synchronized (this) {
            long already = total.get();
            int taken = (int) Math.min(records.size(), limit - already);
            StringBuilder lines = new StringBuilder();
            for (KinesisClientRecord record : records.subList(0, taken)) {
                lines.append(mode.equals("latency") ? latency(record) : line(shard, record)).append('\n');
            }
            write(lines);
            total.addAndGet(taken);
            if (already < limit && already + taken == limit) {
                onLimit.run();
            }
            return taken;
        }
    }

    private static String line(String shard, KinesisClientRecord record) {
        return String.join(
                "\t",
                shard,
                record.sequenceNumber(),
                Long.toString(record.subSequenceNumber()),
                record.partitionKey(),
                text(record.data()));
    }

    private static String latency(KinesisClientRecord record) {
        long put = Long.parseLong(text(record.data()).substring(0, STAMP_DIGITS));
        return Long.toString((nanoseconds() - put) / 1000);
    }

    private static String text(ByteBuffer data) {
        return StandardCharsets.UTF_8.decode(data.duplicate()).toString();
    }

    private static long nanoseconds() {
        java.time.Instant now = java.time.Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    private void report() {
        while (true) {
            write(nanoseconds() + " " + total.get() + "\n");
            try {
                Thread.sleep(50);
            } catch (InterruptedException interrupted) {
                return;
            }
        }
    }

    private void write(CharSequence text) {
        try {
            output.write(text.toString().getBytes(StandardCharsets.UTF_8));
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        }
    }
}
