// What a test suite with testcontainers for Java does; prints one JSON object, what each scenario came to.
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringJoiner;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.output.OutputFrame.OutputType;
import org.testcontainers.containers.output.WaitingConsumer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.images.builder.ImageFromDockerfile;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.utility.DockerImageName;

public final class Containers {
  private interface Scenario {
    Object run() throws Exception;
  }

  private static final DockerImageName BASE = DockerImageName.parse("base");
  private static final String SERVE =
      "mkdir -p /www; echo soup > /www/menu; echo ready; trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait";

  private static GenericContainer<?> serving(GenericContainer<?> container) {
    container.withCommand("sh", "-c", SERVE).withExposedPorts(80).waitingFor(Wait.forHttp("/menu"));
    return container;
  }

  private static GenericContainer<?> serving() {
    return serving(new GenericContainer<>(BASE));
  }

  private static String menuOf(GenericContainer<?> served) throws IOException, InterruptedException {
    URI address = URI.create("http://" + served.getHost() + ":" + served.getMappedPort(80) + "/menu");
    return HttpClient.newHttpClient().send(HttpRequest.newBuilder(address).build(), BodyHandlers.ofString()).body();
  }

  private static Object port() throws Exception {
    // Ports are looked for from outside and, by a program in the container, from inside.
    try (GenericContainer<?> served = serving().waitingFor(Wait.forListeningPort())) {
      served.start();
      return menuOf(served);
    }
  }

  private static Object exec() throws Exception {
    try (GenericContainer<?> served = serving().withEnv("COURSE", "soup")) {
      served.start();
      ExecResult result = served.execInContainer("sh", "-c", "echo $COURSE; echo e >&2; exit 3");
      return result.getExitCode() + " " + result.getStdout() + result.getStderr();
    }
  }

  private static Object files() throws Exception {
    try (GenericContainer<?> served = serving().withCopyToContainer(Transferable.of("first", 0600), "/first")) {
      served.start();
      served.copyFileToContainer(Transferable.of("second"), "/tmp/second");
      String first = served.execInContainer("sh", "-c", "stat -c %a /first; cat /first").getStdout();
      String second =
          served.copyFileFromContainer(
              "/tmp/second", stream -> new String(stream.readAllBytes(), StandardCharsets.UTF_8));
      return first + " " + second;
    }
  }

  private static Object logs() throws Exception {
    try (GenericContainer<?> served = serving()) {
      WaitingConsumer followed = new WaitingConsumer();
      served.withLogConsumer(followed).start();
      followed.waitUntil(frame -> frame.getUtf8String().contains("ready"));
      return served.getLogs(OutputType.STDOUT) + served.getLogs(OutputType.STDERR);
    }
  }

  private static Object networks() throws Exception {
    try (Network network = Network.newNetwork();
        GenericContainer<?> served = serving().withNetwork(network).withNetworkAliases("kitchen");
        GenericContainer<?> asking =
            new GenericContainer<>(BASE).withNetwork(network).withCommand("sleep", "600")) {
      served.start();
      asking.start();
      return asking.execInContainer("wget", "-q", "-O", "-", "http://kitchen/menu").getStdout();
    }
  }

  private static Object healthy() {
    try (GenericContainer<?> served =
        serving().withCreateContainerCmdModifier(
            command ->
                command.withHealthcheck(
                    new com.github.dockerjava.api.model.HealthCheck()
                        .withTest(java.util.List.of("CMD-SHELL", "test -e /www/menu"))
                        .withInterval(Duration.ofMillis(200).toNanos())
                        .withRetries(100)))) {
      served.waitingFor(Wait.forHealthcheck()).start();
      return served.isHealthy();
    }
  }

  private static Object built() throws Exception {
    ImageFromDockerfile image =
        new ImageFromDockerfile()
            .withFileFromString("kitchen/note", "built\n")
            .withDockerfileFromBuilder(
                dockerfile -> dockerfile.from("base").copy("kitchen/note", "/note").run("cat /note > /copied").build());
    try (GenericContainer<?> served = serving(new GenericContainer<>(image))) {
      served.start();
      return served.execInContainer("cat", "/copied").getStdout();
    }
  }

  private static Object left() {
    // What is not taken away here is left to the reaper.
    serving().withLabel("left", "java").start();
    return "left";
  }

  private static String quoted(Object value) {
    String text = String.valueOf(value);
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\t", "\\t") + '"';
  }

  public static void main(String[] arguments) {
    Map<String, Scenario> scenarios = new LinkedHashMap<>();
    scenarios.put("port", Containers::port);
    scenarios.put("exec", Containers::exec);
    scenarios.put("files", Containers::files);
    scenarios.put("logs", Containers::logs);
    scenarios.put("networks", Containers::networks);
    scenarios.put("healthy", Containers::healthy);
    scenarios.put("built", Containers::built);
    scenarios.put("left", Containers::left);
    StringJoiner results = new StringJoiner(",", "{", "}");
    scenarios.forEach(
        (name, scenario) -> {
          Object result;
          try {
            result = scenario.run();
          } catch (Exception failure) {
            StringJoiner causes = new StringJoiner("; ", "failed: ", "");
            for (Throwable cause = failure; cause != null; cause = cause.getCause()) causes.add(cause.toString());
            result = causes;
          }
          results.add(quoted(name) + ":" + quoted(result));
        });
    System.out.println(results);
  }
}
