// Traefik's provider for Docker, as Traefik runs it: prints a line of JSON for every configuration that it comes to, the address of
// each service by the rule of its router. Argument: the engine's socket.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/provider/docker"
	"github.com/traefik/traefik/v3/pkg/safe"
)

func addresses(configuration *dynamic.Configuration) map[string][]string {
	found := map[string][]string{}
	for _, router := range configuration.HTTP.Routers {
		urls := []string{}
		if service := configuration.HTTP.Services[router.Service]; service != nil && service.LoadBalancer != nil {
			for _, server := range service.LoadBalancer.Servers {
				urls = append(urls, server.URL)
			}
		}
		found[router.Rule] = urls
	}
	return found
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	provider := &docker.Provider{}
	provider.SetDefaults()
	provider.Endpoint = "unix://" + os.Args[1]
	provider.ExposedByDefault = false
	if err := provider.Init(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	configurations := make(chan dynamic.Message)
	pool := safe.NewPool(ctx)
	if err := provider.Provide(configurations, pool); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := json.NewEncoder(os.Stdout)
	for {
		select {
		case message := <-configurations:
			_ = lines.Encode(addresses(message.Configuration))
		case <-ctx.Done():
			return
		}
	}
}
