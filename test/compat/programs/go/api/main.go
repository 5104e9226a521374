// What a program that uses Docker's Go client does; prints one JSON object, what each scenario came to.
// The engine is that of DOCKER_HOST.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

type made struct {
	config  container.Config
	host    container.HostConfig
	network network.NetworkingConfig
	name    string
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

type program struct {
	*client.Client
	ctx context.Context
}

func (p program) create(wish made) string {
	if wish.config.Image == "" {
		wish.config.Image = "base"
	}
	return must(p.ContainerCreate(p.ctx, client.ContainerCreateOptions{
		Config: &wish.config, HostConfig: &wish.host, NetworkingConfig: &wish.network, Name: wish.name,
	})).ID
}

func (p program) start(wish made) string {
	id := p.create(wish)
	must(p.ContainerStart(p.ctx, id, client.ContainerStartOptions{}))
	return id
}

func (p program) sleeping() string {
	return p.start(made{config: container.Config{Cmd: []string{"sleep", "600"}}})
}

func (p program) remove(id string) {
	must(p.ContainerRemove(p.ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}))
}

func (p program) wait(id string, condition container.WaitCondition) int64 {
	waiting := p.ContainerWait(p.ctx, id, client.ContainerWaitOptions{Condition: condition})
	select {
	case ended := <-waiting.Result:
		return ended.StatusCode
	case err := <-waiting.Error:
		panic(err)
	}
}

func split(from io.Reader) []string {
	var out, err bytes.Buffer
	must(stdcopy.StdCopy(&out, &err, from))
	return []string{out.String(), err.String()}
}

func (p program) output(id string) []string {
	logs := must(p.ContainerLogs(p.ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true}))
	defer logs.Close()
	return split(logs)
}

func (p program) exec(id string, options client.ExecCreateOptions, input string) any {
	options.AttachStdout, options.AttachStderr = true, true
	made := must(p.ExecCreate(p.ctx, id, options)).ID
	attached := must(p.ExecAttach(p.ctx, made, client.ExecAttachOptions{TTY: options.TTY}))
	defer attached.Close()
	if options.AttachStdin {
		must(io.WriteString(attached.Conn, input))
		must(0, attached.CloseWrite())
	}
	var said any
	if options.TTY {
		said = string(must(io.ReadAll(attached.Reader)))
	} else {
		said = split(attached.Reader)
	}
	return []any{said, must(p.ExecInspect(p.ctx, made, client.ExecInspectOptions{})).ExitCode}
}

func run(p program) any {
	id := p.start(made{config: container.Config{Cmd: []string{"sh", "-c", "echo o; echo e >&2; exit 3"}}})
	defer p.remove(id)
	return []any{p.output(id), p.wait(id, container.WaitConditionNotRunning)}
}

func attach(p program) any {
	id := p.create(made{config: container.Config{Cmd: []string{"cat"}, OpenStdin: true, StdinOnce: true, AttachStdin: true}})
	defer p.remove(id)
	attached := must(p.ContainerAttach(p.ctx, id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true}))
	defer attached.Close()
	must(p.ContainerStart(p.ctx, id, client.ContainerStartOptions{}))
	must(io.WriteString(attached.Conn, "through\n"))
	must(0, attached.CloseWrite())
	return split(attached.Reader)
}

func execs(p program) any {
	id := p.sleeping()
	defer p.remove(id)
	return []any{
		p.exec(id, client.ExecCreateOptions{Cmd: []string{"sh", "-c", "echo $A; pwd; echo e >&2; exit 4"}, Env: []string{"A=1"}, WorkingDir: "/tmp"}, ""),
		p.exec(id, client.ExecCreateOptions{Cmd: []string{"cat"}, AttachStdin: true}, "in"),
		p.exec(id, client.ExecCreateOptions{Cmd: []string{"sh", "-c", "test -t 0 && echo tty"}, TTY: true}, ""),
	}
}

func archives(p program) any {
	id := p.sleeping()
	defer p.remove(id)
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	must(0, writer.WriteHeader(&tar.Header{Name: "x.txt", Mode: 0o640, Size: 5}))
	must(writer.Write([]byte("hello")))
	must(0, writer.Close())
	must(p.CopyToContainer(p.ctx, id, client.CopyToContainerOptions{DestinationPath: "/tmp", Content: &packed}))
	stat := must(p.ContainerStatPath(p.ctx, id, client.ContainerStatPathOptions{Path: "/tmp/x.txt"})).Stat
	copied := must(p.CopyFromContainer(p.ctx, id, client.CopyFromContainerOptions{SourcePath: "/tmp/x.txt"}))
	defer copied.Content.Close()
	reader := tar.NewReader(copied.Content)
	header := must(reader.Next())
	return []any{stat.Name, stat.Size, stat.Mode.String(), header.Name, string(must(io.ReadAll(reader)))}
}

func networks(p program) any {
	id := must(p.NetworkCreate(p.ctx, "go-net", client.NetworkCreateOptions{Labels: map[string]string{"q": "1"}})).ID
	defer func() { must(p.NetworkRemove(p.ctx, id, client.NetworkRemoveOptions{})) }()
	server := p.start(made{name: "go-server", config: container.Config{Cmd: []string{"sh", "-c", "echo kept > /tmp/state; exec httpd -f -p 80 -h /tmp"}},
		network: network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{"go-net": {Aliases: []string{"shop"}}}}})
	defer p.remove(server)
	asker := p.sleeping()
	defer p.remove(asker)
	must(p.NetworkConnect(p.ctx, id, client.NetworkConnectOptions{Container: asker}))
	said := p.exec(asker, client.ExecCreateOptions{Cmd: []string{"sh", "-c", "until wget -q -O - http://shop/state 2>/dev/null; do sleep 0.05; done"}}, "")
	members := len(must(p.NetworkInspect(p.ctx, id, client.NetworkInspectOptions{})).Network.Containers)
	must(p.NetworkDisconnect(p.ctx, id, client.NetworkDisconnectOptions{Container: asker}))
	left := len(must(p.NetworkInspect(p.ctx, id, client.NetworkInspectOptions{})).Network.Containers)
	return []any{said, members, left}
}

func volumes(p program) any {
	created := must(p.VolumeCreate(p.ctx, client.VolumeCreateOptions{Name: "go-shelf", Labels: map[string]string{"q": "1"}})).Volume
	defer func() { must(p.VolumeRemove(p.ctx, created.Name, client.VolumeRemoveOptions{})) }()
	binds := container.HostConfig{Binds: []string{"go-shelf:/data"}}
	writer := p.start(made{config: container.Config{Cmd: []string{"sh", "-c", "echo kept > /data/f"}}, host: binds})
	p.wait(writer, container.WaitConditionNotRunning)
	p.remove(writer)
	reader := p.start(made{config: container.Config{Cmd: []string{"cat", "/data/f"}}, host: binds})
	defer p.remove(reader)
	listed := must(p.VolumeList(p.ctx, client.VolumeListOptions{Filters: client.Filters{}.Add("label", "q=1")})).Items
	return []any{p.output(reader), len(listed), created.Labels}
}

func eventsOfOne(p program) any {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	begun := time.Now().Add(-time.Millisecond)
	heard := p.Events(ctx, client.EventsListOptions{
		Since:   fmt.Sprintf("%d.%09d", begun.Unix(), begun.Nanosecond()),
		Filters: client.Filters{}.Add("label", "heard=1").Add("type", "container"),
	})
	id := p.start(made{config: container.Config{Cmd: []string{"true"}, Labels: map[string]string{"heard": "1"}}})
	p.wait(id, container.WaitConditionNotRunning)
	p.remove(id)
	var actions []events.Action
	for {
		select {
		case message := <-heard.Messages:
			actions = append(actions, message.Action)
			if message.Action == events.ActionDestroy {
				return actions
			}
		case err := <-heard.Err:
			panic(err)
		}
	}
}

func life(p program) any {
	id := p.sleeping()
	state := func() container.ContainerState {
		return must(p.ContainerInspect(p.ctx, id, client.ContainerInspectOptions{})).Container.State.Status
	}
	states := []container.ContainerState{}
	must(p.ContainerPause(p.ctx, id, client.ContainerPauseOptions{}))
	states = append(states, state())
	must(p.ContainerUnpause(p.ctx, id, client.ContainerUnpauseOptions{}))
	none := 0
	must(p.ContainerRestart(p.ctx, id, client.ContainerRestartOptions{Timeout: &none}))
	states = append(states, state())
	must(p.ContainerRename(p.ctx, id, client.ContainerRenameOptions{NewName: "go-renamed"}))
	must(p.ContainerStop(p.ctx, id, client.ContainerStopOptions{Timeout: &none}))
	states = append(states, state())
	listed := must(p.ContainerList(p.ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("name", "go-renamed")})).Items
	p.remove(id)
	return []any{states, listed[0].Names, listed[0].State}
}

func images(p program) any {
	id := p.start(made{config: container.Config{Cmd: []string{"sh", "-c", "echo hi > /greeting"}}})
	p.wait(id, container.WaitConditionNotRunning)
	must(p.ContainerCommit(p.ctx, id, client.ContainerCommitOptions{Reference: "go-image:v1", Changes: []string{`CMD ["cat", "/greeting"]`}}))
	p.remove(id)
	must(p.ImageTag(p.ctx, client.ImageTagOptions{Source: "go-image:v1", Target: "go-image:v2"}))
	greeting := p.start(made{config: container.Config{Image: "go-image:v2"}})
	said := p.output(greeting)
	p.remove(greeting)
	listed := must(p.ImageList(p.ctx, client.ImageListOptions{Filters: client.Filters{}.Add("reference", "go-image")})).Items
	for _, tag := range []string{"go-image:v1", "go-image:v2"} {
		must(p.ImageRemove(p.ctx, tag, client.ImageRemoveOptions{}))
	}
	return []any{said, len(listed), len(listed[0].RepoTags)}
}

func missing(p program) any {
	_, container := p.ContainerInspect(p.ctx, "nosuch", client.ContainerInspectOptions{})
	_, image := p.ImageInspect(p.ctx, "nosuch")
	_, conflict := p.ContainerRemove(p.ctx, p.named(), client.ContainerRemoveOptions{})
	p.remove("go-named")
	return []bool{errdefs.IsNotFound(container), errdefs.IsNotFound(image), errdefs.IsConflict(conflict)}
}

func (p program) named() string {
	return p.start(made{name: "go-named", config: container.Config{Cmd: []string{"sleep", "600"}}})
}

func stats(p program) any {
	id := p.sleeping()
	defer p.remove(id)
	read := must(p.ContainerStats(p.ctx, id, client.ContainerStatsOptions{}))
	defer read.Body.Close()
	var document container.StatsResponse
	must(0, json.NewDecoder(read.Body).Decode(&document))
	return []any{document.MemoryStats.Usage > 0, document.PidsStats.Current, strings.TrimPrefix(document.Name, "/") != ""}
}

func main() {
	api := must(client.New(client.FromEnv))
	p := program{api, context.Background()}
	results := map[string]any{}
	for name, scenario := range map[string]func(program) any{
		"run": run, "attach": attach, "execs": execs, "archives": archives, "networks": networks, "volumes": volumes,
		"events": eventsOfOne, "life": life, "images": images, "missing": missing, "stats": stats,
	} {
		func() {
			defer func() {
				if failure := recover(); failure != nil {
					results[name] = fmt.Sprintf("failed: %v", failure)
				}
			}()
			results[name] = scenario(p)
		}()
	}
	must(0, json.NewEncoder(os.Stdout).Encode(results))
}
