import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/**
 * Runs one OpenSearch node in the foreground until SIGTERM: {@code LocalOpenSearch CONFIG_DIRECTORY MODULE...}.
 *
 * <p>CONFIG_DIRECTORY holds opensearch.yml and lies in the node's home; every MODULE is the class name of a plugin on
 * the class path. A node that cannot start ends the JVM with status 1 and its cause on standard error.
 *
 * <p>The class beside this source is compiled for Java 21, so that a machine with only a JRE can run it:
 * {@code javac --release 21 -proc:none -cp 'JARS/*' LocalOpenSearch.java}, JARS being the folder of the jars of
 * opensearch_jars.lock. A test compiles it again and compares.
 */
public final class LocalOpenSearch extends Node {
    private LocalOpenSearch(Environment environment, Collection<PluginInfo> modules) {
        super(environment, modules, true);
    }

    public static void main(String[] arguments) {
        try {
            run(Path.of(arguments[0]), List.of(arguments).subList(1, arguments.length));
        } catch (Throwable failure) {
            failure.printStackTrace();
            Throwable cause = failure;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            System.err.println("OpenSearch could not start: " + cause);
            System.err.flush();
            Runtime.getRuntime().halt(1);
        }
    }

    private static void run(Path configuration, List<String> modules) throws Exception {
        Settings home = Settings.builder().put("path.home", configuration.toAbsolutePath().getParent().toString()).build();
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(home, Map.of(), configuration, () -> "local");
        List<PluginInfo> plugins = new ArrayList<>();
        for (String module : modules) {
            plugins.add(new PluginInfo(module, module, "", Version.CURRENT, "21", module, List.of(), false));
        }
        Node node = new LocalOpenSearch(environment, plugins);
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node, closed), "close-node"));
        node.start();
        System.out.println("OpenSearch started");
        closed.await();
    }

    private static void close(Node node, CountDownLatch closed) {
        try {
            node.close();
            if (!node.awaitClose(20, TimeUnit.SECONDS)) {
                System.err.println("OpenSearch did not close within 20 s");
            }
        } catch (Exception failure) {
            failure.printStackTrace();
        } finally {
            closed.countDown();
        }
    }
}
