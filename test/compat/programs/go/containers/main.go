// What a test suite with testcontainers for Go does; prints one JSON object, what each scenario came to.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

var image = cmp.Or(os.Getenv("IMAGE"), "base")

var ctx = context.Background()

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func text(reader io.Reader) string { return string(must(io.ReadAll(reader))) }

// It says that it is ready when it is: httpd listens before it goes into the background.
const serve = "mkdir /www; echo soup > /www/menu; trap 'exit 0' TERM; httpd -p 80 -h /www; echo ready; sleep 600 & wait"

func serving(options ...testcontainers.ContainerCustomizer) *testcontainers.DockerContainer {
	return must(testcontainers.Run(ctx, image, append([]testcontainers.ContainerCustomizer{
		testcontainers.WithCmd("sh", "-c", serve),
		testcontainers.WithExposedPorts("80/tcp"),
		testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForLog("ready"), wait.ForListeningPort("80/tcp"), wait.ForHTTP("/menu")),
	}, options...)...))
}

func port() any {
	served := serving()
	defer testcontainers.TerminateContainer(served)
	answer := must(http.Get(must(served.PortEndpoint(ctx, "80/tcp", "http")) + "/menu"))
	defer answer.Body.Close()
	return text(answer.Body)
}

func execution() any {
	served := serving(testcontainers.WithEnv(map[string]string{"COURSE": "soup"}))
	defer testcontainers.TerminateContainer(served)
	code, out, err := served.Exec(ctx, []string{"sh", "-c", "echo $COURSE; exit 3"}, exec.Multiplexed())
	must(0, err)
	return []any{code, text(out)}
}

func files() any {
	served := serving(testcontainers.WithFiles(testcontainers.ContainerFile{
		Reader: strings.NewReader("first"), ContainerFilePath: "/first", FileMode: 0o600,
	}))
	defer testcontainers.TerminateContainer(served)
	must(0, served.CopyToContainer(ctx, []byte("second"), "/tmp/second", 0o644))
	copied := must(served.CopyFileFromContainer(ctx, "/tmp/second"))
	defer copied.Close()
	_, first, err := served.Exec(ctx, []string{"cat", "/first"}, exec.Multiplexed())
	must(0, err)
	return []string{text(first), text(copied)}
}

func logs() any {
	served := serving()
	defer testcontainers.TerminateContainer(served)
	reader := must(served.Logs(ctx))
	defer reader.Close()
	return text(reader)
}

func networks() any {
	made := must(network.New(ctx))
	defer made.Remove(ctx)
	served := serving(network.WithNetwork([]string{"kitchen"}, made))
	defer testcontainers.TerminateContainer(served)
	asking := must(testcontainers.Run(ctx, image, network.WithNetwork(nil, made),
		testcontainers.WithCmd("wget", "-q", "-O", "-", "http://kitchen/menu"), testcontainers.WithWaitStrategy(wait.ForExit())))
	defer testcontainers.TerminateContainer(asking)
	reader := must(asking.Logs(ctx))
	defer reader.Close()
	return text(reader)
}

// What is not taken away here is left to the reaper.
func left() any {
	served := serving(testcontainers.WithLabels(map[string]string{"left": "go"}))
	return served.IsRunning()
}

// Tests one after the other, each with a container of its own that serves, is asked, and goes.
// They share a network: Docker's default one may be gone.
func suite(tests int) {
	shared := must(network.New(ctx))
	defer shared.Remove(ctx)
	for range tests {
		// The library's own way to wait for HTTP sleeps for 200 ms before it asks.
		waits := testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForLog("ready"), wait.ForListeningPort("80/tcp"))
		served := serving(network.WithNetwork(nil, shared), waits)
		must(http.Get(must(served.PortEndpoint(ctx, "80/tcp", "http")) + "/menu")).Body.Close()
		code, _, err := served.Exec(ctx, []string{"cat", "/www/menu"}, exec.Multiplexed())
		if err != nil || code != 0 {
			panic(fmt.Sprint(code, err))
		}
		must(0, testcontainers.TerminateContainer(served))
	}
}

func main() {
	if len(os.Args) > 1 {
		suite(must(strconv.Atoi(os.Args[1])))
		return
	}
	results := map[string]any{}
	for name, scenario := range map[string]func() any{
		"port": port, "exec": execution, "files": files, "logs": logs, "networks": networks, "left": left,
	} {
		func() {
			defer func() {
				if failure := recover(); failure != nil {
					results[name] = fmt.Sprintf("failed: %v", failure)
				}
			}()
			results[name] = scenario()
		}()
	}
	must(0, json.NewEncoder(os.Stdout).Encode(results))
}
