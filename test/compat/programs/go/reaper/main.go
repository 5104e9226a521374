// What stands for testcontainers' reaper, Ryuk: it listens on port 8080 of its container, where each client says a line of filters
// (`label=a=b&label=c=d`) and hears `ACK`. When no client has been there for a moment, everything that a line matches is removed by
// the socket that is mounted into the container.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/moby/moby/client"
)

type remembered struct {
	sync.Mutex
	filters map[string]client.Filters
	clients int
	changed chan struct{}
}

func (r *remembered) serve(connection net.Conn) {
	defer connection.Close()
	r.count(1)
	defer r.count(-1)
	lines := bufio.NewScanner(connection)
	for lines.Scan() {
		query, err := url.ParseQuery(lines.Text())
		if err != nil {
			fmt.Fprintf(os.Stderr, "no filters: %q: %v\n", lines.Text(), err)
			continue
		}
		filters := client.Filters{}
		for key, values := range query {
			filters.Add(key, values...)
		}
		r.Lock()
		r.filters[lines.Text()] = filters
		r.Unlock()
		fmt.Fprint(connection, "ACK\n")
	}
}

func (r *remembered) count(by int) {
	r.Lock()
	r.clients += by
	r.Unlock()
	r.changed <- struct{}{}
}

func (r *remembered) left() bool {
	r.Lock()
	defer r.Unlock()
	return r.clients == 0
}

func milliseconds(name string, otherwise time.Duration) time.Duration {
	if given, err := time.ParseDuration(os.Getenv(name)); err == nil {
		return given
	}
	return otherwise
}

func remove(ctx context.Context, api *client.Client, filters client.Filters) {
	say := func(what, id string, err error) { fmt.Println("removed", what, id, err) }
	containers, _ := api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	for _, each := range containers.Items {
		_, err := api.ContainerRemove(ctx, each.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		say("container", each.ID, err)
	}
	networks, _ := api.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	for _, each := range networks.Items {
		_, err := api.NetworkRemove(ctx, each.ID, client.NetworkRemoveOptions{})
		say("network", each.ID, err)
	}
	volumes, _ := api.VolumeList(ctx, client.VolumeListOptions{Filters: filters})
	for _, each := range volumes.Items {
		_, err := api.VolumeRemove(ctx, each.Name, client.VolumeRemoveOptions{Force: true})
		say("volume", each.Name, err)
	}
	images, _ := api.ImageList(ctx, client.ImageListOptions{Filters: filters})
	for _, each := range images.Items {
		_, err := api.ImageRemove(ctx, each.ID, client.ImageRemoveOptions{PruneChildren: true})
		say("image", each.ID, err)
	}
}

func main() {
	api, err := client.New(client.WithHost("unix:///var/run/docker.sock"))
	if err == nil {
		_, err = api.Ping(context.Background(), client.PingOptions{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the mounted socket:", err)
		os.Exit(1)
	}
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	all := &remembered{filters: map[string]client.Filters{}, changed: make(chan struct{}, 64)}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go all.serve(connection)
		}
	}()
	// Some clients wait for these words after a time.
	fmt.Println(time.Now().UTC().Format(time.DateTime), "Started!")
	// Until the first client, the limit is that of a connection.
	patience := milliseconds("RYUK_CONNECTION_TIMEOUT", time.Minute)
	for {
		var over <-chan time.Time
		if all.left() {
			over = time.After(patience)
		}
		select {
		case <-all.changed:
			patience = milliseconds("RYUK_RECONNECTION_TIMEOUT", 10*time.Second)
			continue
		case <-over:
		}
		for _, filters := range all.filters {
			remove(context.Background(), api, filters)
		}
		return
	}
}
