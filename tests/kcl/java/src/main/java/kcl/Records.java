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
 * Where processed records are noted: a line each (mode {@code records}), or a total every 50 ms (mode {@code count}),
 * with a latency in microseconds for each stamped record in a file beside it: one whose data starts with "@" and the
 * put's epoch nanoseconds, 19 digits. Only a batch whose first record is stamped is looked through.
 *
 * <p>In mode {@code records} at most {@code limit} records of all shards together are taken; when they are, {@code
 * onLimit} runs once.
 */
final class Records {
    private static final int STAMP_DIGITS = 19;

    private final OutputStream output;
    private final OutputStream latencies;
    private final boolean counts;
    private final long limit;
    private final Runnable onLimit;
    private final AtomicLong total = new AtomicLong();

    Records(Path file, String mode, long limit, Runnable onLimit) throws IOException {
        this.counts = mode.equals("count");
        this.output = append(file);
        this.latencies = counts ? append(Path.of(file + ".latency")) : OutputStream.nullOutputStream();
        this.limit = limit;
        this.onLimit = onLimit;
        if (counts) {
            Thread reporter = new Thread(this::report, "totals");
            reporter.setDaemon(true);
            reporter.start();
        }
    }

    /** Notes records of a shard in order; returns how many of them, from the first on, were taken. */
    int take(String shard, List<KinesisClientRecord> records) {
        if (counts) {
            count(records);
            return records.size();
        }
        synchronized (this) {
            long already = total.get();
            int taken = (int) Math.min(records.size(), limit - already);
            StringBuilder lines = new StringBuilder();
            for (KinesisClientRecord record : records.subList(0, taken)) {
                lines.append(line(shard, record)).append('\n');
            }
            write(output, lines);
            total.addAndGet(taken);
            if (already < limit && already + taken == limit) {
                onLimit.run();
            }
            return taken;
        }
    }

    private static OutputStream append(Path file) throws IOException {
        return Files.newOutputStream(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    private void count(List<KinesisClientRecord> records) {
        if (records.isEmpty()) {
            return;
        }
        total.addAndGet(records.size());
        if (isStamped(records.get(0))) {
            StringBuilder lines = new StringBuilder();
            records.stream().filter(Records::isStamped).forEach(record -> lines.append(latency(record)).append('\n'));
            write(latencies, lines);
        }
    }

    private static boolean isStamped(KinesisClientRecord record) {
        return record.data().remaining() > STAMP_DIGITS && record.data().get(record.data().position()) == '@';
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
        long put = Long.parseLong(text(record.data()).substring(1, 1 + STAMP_DIGITS));
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
            write(output, nanoseconds() + " " + total.get() + "\n");
            try {
                Thread.sleep(50);
            } catch (InterruptedException interrupted) {
                return;
            }
        }
    }

    private static void write(OutputStream file, CharSequence text) {
        try {
            file.write(text.toString().getBytes(StandardCharsets.UTF_8));
        } catch (IOException problem) {
            throw new UncheckedIOException(problem);
        }
    }
}
