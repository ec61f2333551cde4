package kcl;

import java.net.URI;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.endpoints.Endpoint;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClientBuilder;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.RetrievalConfig;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/** One worker of the Kinesis Client Library. SIGTERM, or the last record of {@code --limit}, stops it gracefully. */
public final class Consumer {
    private static final long STOP_SECONDS = 40;

    private Consumer() {}

    /** Runs a worker until it is told to stop. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(arguments);
        Records records = new Records(
                Path.of(options.required("output")),
                options.text("mode", "records"),
                options.number("limit", Long.MAX_VALUE),
                () -> new Thread(() -> System.exit(0), "limit").start());
        Scheduler scheduler = scheduler(options, records);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(scheduler), "stop"));
        scheduler.run();
    }

    private static void stop(Scheduler scheduler) {
        try {
            boolean graceful = scheduler.startGracefulShutdown().get(STOP_SECONDS, TimeUnit.SECONDS);
            System.err.println("stopped, graceful: " + graceful);
        } catch (Exception problem) {
            System.err.println("not stopped gracefully: " + problem);
        }
    }

    private static Scheduler scheduler(Options options, Records records) {
        KinesisAsyncClient kinesis = kinesis(options);
        DynamoDbAsyncClient dynamodb = DynamoDbAsyncClient.builder()
                .applyMutation(builder -> address(builder, options.required("dynamodb")))
                .build();
        CloudWatchAsyncClient cloudwatch = CloudWatchAsyncClient.builder()
                .applyMutation(builder -> address(builder, options.required("dynamodb")))
                .build();
        InitialPositionInStreamExtended position = InitialPositionInStreamExtended.newInitialPosition(
                InitialPositionInStream.valueOf(options.text("position", "TRIM_HORIZON")));
        long checkpointMillis = options.number("checkpoint-millis", 1000);
        ConfigsBuilder configs = new ConfigsBuilder(
                new SingleStreamTracker(options.required("stream"), position),
                options.required("application"),
                kinesis,
                dynamodb,
                cloudwatch,
                options.required("worker"),
                () -> new ShardReader(records, checkpointMillis));
        configs.tableName(options.text("table", options.required("application")));
        return new Scheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig()
                        .parentShardPollIntervalMillis(options.number("parent-poll-millis", 10_000)),
                leases(configs.leaseManagementConfig(), options, position),
                configs.lifecycleConfig(),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(),
                retrieval(configs.retrievalConfig(), options, kinesis));
    }

    private static LeaseManagementConfig leases(
            LeaseManagementConfig leases, Options options, InitialPositionInStreamExtended position) {
        return leases.initialPositionInStream(position)
                .failoverTimeMillis(options.number("failover-millis", 10_000))
                .shardSyncIntervalMillis(options.number("shard-sync-millis", 60_000));
    }

    private static RetrievalConfig retrieval(RetrievalConfig retrieval, Options options, KinesisAsyncClient kinesis) {
        String stream = options.required("stream");
        RetrievalSpecificConfig reading = options.text("reading", "fan-out").equals("polling")
                ? new PollingConfig(stream, kinesis)
                : new FanOutConfig(kinesis).streamName(stream).applicationName(options.required("application"));
        return retrieval.retrievalSpecificConfig(reading);
    }

    private static KinesisAsyncClient kinesis(Options options) {
        KinesisAsyncClientBuilder builder = KinesisAsyncClient.builder();
        String endpoint = options.required("kinesis");
        address(builder, endpoint);
        // The SDK's own rules turn a stream's id into a host name of AWS, whatever the endpoint is said to be.
        builder.endpointProvider(parameters -> CompletableFuture.completedFuture(
                Endpoint.builder().url(URI.create(endpoint)).build()));
        if (options.text("http", "2").equals("2")) {
            return KinesisClientUtil.createKinesisAsyncClient(builder);
        }
        return builder.httpClientBuilder(NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1).maxConcurrency(200))
                .build();
    }

    private static void address(AwsClientBuilder<?, ?> builder, String endpoint) {
        builder.endpointOverride(URI.create(endpoint))
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")));
    }
}
